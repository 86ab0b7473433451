# shellcheck shell=sh disable=SC2034,SC2154 # shared with transaction.sh
# A guarded run is taken back by the machine itself, unless it is confirmed in time over a connection that was made
# after it. Follows undo.sh. Armed, and proven so, before anything is swapped.
#
# On disk, below the run:  guard      "SECONDS BOOT UPTIME CLOCK": its time, and when it ends by this boot's uptime
#                          revert     the script that takes the run back, whoever calls it
#                          timer, job the process, or the job of at's, that will
#                          why        why it was taken back, and when
# With systemd a transient timer, and two units for the next boot, since such a timer ends with the boot: an early one
# that puts the files back before anything reads them, a late one that does the rest. Without systemd a process of its own,
# and where atd runs a job, which outlives the boot.

pc_units=${pc_units:-/etc/systemd/system}
pc_systemd=${pc_systemd:-/run/systemd/system}
pc_early=sysinit.target.wants
pc_late=multi-user.target.wants

# pc_guard SECONDS SHA256: this run is guarded; the script that reverts it comes with what pc_receive unpacks.
pc_guard() {
    pc_guard_time=$1
    pc_guard_sum=$2
    pc_sums="$pc_sums$2  $pc_dir/revert$pc_nl"
}

pc_uptime() { read -r pc_up pc_rest </proc/uptime && printf '%s' "${pc_up%%.*}"; }
pc_boot() { cat /proc/sys/kernel/random/boot_id; }

# Starts the timer, before the swap. Where none can be proven to run, nothing is changed.
pc_arm() {
    pc_guard_ends="$(date -u -d "@$(($(date +%s) + pc_guard_time))" '+%H:%M:%S UTC')"
    pc_out=$({
        printf '%s %s %s %s\n' "$pc_guard_time" "$(pc_boot)" "$(($(pc_uptime) + pc_guard_time))" "$pc_guard_ends" >"$pc_dir/guard" &&
            pc_sync "$pc_dir/guard" "$pc_dir/revert" && pc_sync "$pc_dir"
    } 2>&1) || { pc_fail guard "no timer could be armed: $pc_out"; return; }
    pc_unit=portcullis-$pc_run
    if [ -d "$pc_systemd" ]; then
        pc_out=$(pc_arm_systemd 2>&1)
    else
        pc_arm_process
    fi || { pc_fail guard "no timer could be armed: ${pc_out:-it does not run}"; return; }
    pc_say step guard armed "$pc_guard_ends"
}

pc_arm_systemd() {
    [ -d "$pc_units/$pc_early" ] || { : >"$pc_dir/made-early" && mkdir -p "$pc_units/$pc_early"; } || return
    [ -d "$pc_units/$pc_late" ] || { : >"$pc_dir/made-late" && mkdir -p "$pc_units/$pc_late"; } || return
    (umask 022 && pc_unit_text early >"$pc_units/$pc_unit-early.service" && pc_unit_text late >"$pc_units/$pc_unit-late.service") || return
    ln -s "../$pc_unit-early.service" "$pc_units/$pc_early/" && ln -s "../$pc_unit-late.service" "$pc_units/$pc_late/" || return
    pc_sync "$pc_units/$pc_unit-early.service" "$pc_units/$pc_unit-late.service" "$pc_units" "$pc_units/$pc_early" "$pc_units/$pc_late"
    # Without AccuracySec it would be up to a minute late.
    systemd-run --quiet --unit="$pc_unit" --description="Portcullis: take back run $pc_run unless it is confirmed" \
        --on-active="${pc_guard_time}s" --timer-property=AccuracySec=1s /bin/sh "$pc_dir/revert" timer 9>&- || return
    systemctl is-active --quiet "$pc_unit.timer"
}

# No ordering against the default targets: what is put back may be what they wait for.
pc_unit_text() {
    printf '[Unit]\nDescription=Portcullis: take back run %s, which nobody confirmed (%s)\n' "$pc_run" "$1"
    printf 'DefaultDependencies=no\nRequiresMountsFor=%s\nConflicts=shutdown.target\nBefore=shutdown.target\n' "$pc_home"
    case $1 in
        early) printf 'After=local-fs.target\nBefore=sysinit.target network-pre.target nftables.service systemd-networkd.service\n' ;;
        late) printf 'After=%s-early.service basic.target network.target dbus.service\n' "$pc_unit" ;;
    esac
    printf '\n[Service]\nType=oneshot\nTimeoutStartSec=300\nExecStart=/bin/sh "%s/revert" %s\n' "$pc_dir" "$1"
}

# A session of its own: neither the end of the login nor that of its processes reaches it.
pc_arm_process() {
    if command -v setsid >/dev/null; then pc_apart='setsid'; else pc_apart='nohup'; fi
    "$pc_apart" sh "$pc_dir/revert" after "$pc_guard_time" </dev/null >/dev/null 2>&1 9>&- &
    # Its time is kept to the minute: a minute later than the process, should that be no more.
    if command -v at >/dev/null && pc_runs_atd; then
        pc_out=$(printf 'sh %s at\n' "$pc_dir/revert" | at -M now + "$((pc_guard_time / 60 + 2))" minutes 2>&1 9>&-) &&
            pc_out=${pc_out#*job } && printf '%s\n' "${pc_out%% *}" >"$pc_dir/job"
    fi
    # The process says itself that it runs; the job is in its queue.
    pc_until 30 test -s "$pc_dir/timer" || { [ -s "$pc_dir/job" ] && pc_read "$pc_dir/job" && at -l | grep -q "^${pc_text}[^0-9]"; }
}

pc_runs_atd() {
    for pc_n in /proc/[0-9]*/comm; do
        { pc_read "$pc_n" && [ "$pc_text" = atd ] && return; } 2>/dev/null
    done
    return 1
}

# pc_disarm DIR: nothing is left that would take this run back. `guard` goes last: as long as it is there, this is not done.
pc_disarm() {
    [ -e "$1/guard" ] || return 0
    pc_armed=${1##*/}
    pc_unit=portcullis-$pc_armed
    if [ -s "$1/timer" ] && pc_read "$1/timer" && [ "$pc_text" != "$$" ] && grep -q "$pc_armed" "/proc/$pc_text/cmdline" 2>/dev/null; then
        # With what it waits in, where it has a group of its own.
        kill -s KILL -- "-$pc_text" 2>/dev/null || kill -s KILL "$pc_text" 2>/dev/null
    fi
    [ ! -s "$1/job" ] || { pc_read "$1/job" && atrm "$pc_text" 2>/dev/null; }
    if [ -d "$pc_systemd" ]; then
        systemctl --quiet stop "$pc_unit.timer" 2>/dev/null
        systemctl --quiet reset-failed "$pc_unit.service" 2>/dev/null
    fi
    pc_were=$(ls "$pc_units/$pc_unit-late.service" 2>/dev/null)
    rm -f "$pc_units/$pc_early/$pc_unit-early.service" "$pc_units/$pc_late/$pc_unit-late.service" \
        "$pc_units/$pc_unit-early.service" "$pc_units/$pc_unit-late.service"
    # Whatever enables a service meanwhile has systemd read all units.
    if [ -n "$pc_were" ] && systemctl list-units --all --no-legend "$pc_unit-*" 2>/dev/null | grep -q .; then systemctl daemon-reload; fi
    [ ! -e "$1/made-early" ] || rmdir "$pc_units/$pc_early" 2>/dev/null
    [ ! -e "$1/made-late" ] || rmdir "$pc_units/$pc_late" 2>/dev/null
    rm -f "$1/timer" "$1/job" "$1/made-early" "$1/made-late" "$1/revert"
    rm -f "$1/guard"
}

# pc_is_overdue DIR: its time is over, and nothing took it back: the timer was killed, or ended with an earlier boot.
pc_is_overdue() {
    pc_until_when=
    read -r pc_seconds pc_its_boot pc_its_end pc_until_when <"$1/guard" || return 0
    [ "$pc_its_boot" = "$(pc_boot)" ] || return 0
    [ "$(pc_uptime)" -gt "$((pc_its_end + 20))" ]
}

# pc_take_back DIR WHY: a run that was not confirmed is put back.
pc_take_back() {
    {
        printf '%s; put back at %s:' "$2" "$(date -u '+%H:%M:%S UTC')"
        for pc_n in "$1"/files/*/path; do [ ! -e "$pc_n" ] || { pc_read "$pc_n" && printf ' %s' "$pc_text"; }; done
        echo
    } >"$1/why"
    # Should this be broken off, the next run finds `committing`, and it can no longer be confirmed.
    pc_set_state "$1" committing
    pc_undo "$1" reverted
}

# The run's state, for the calls that are about the run itself.
pc_state() {
    pc_was=
    [ ! -r "$pc_dir/state" ] || read -r pc_was <"$pc_dir/state"
}
pc_say_why() { pc_why=$(cat "$pc_dir/why" 2>/dev/null) || pc_why='it was broken off, and put back'; }

# The client is back: where the machine is well by its own judgement too, the run is done.
pc_confirm() {
    pc_asked_about=$pc_dir
    pc_lock
    pc_state
    case $pc_was in
        guarded) ;;
        'done') pc_end_with 'done' '' 0 ;;
        committing) pc_take_back "$pc_dir" 'it was broken off' && pc_say_why; pc_end_back reverted "$pc_why" ;;
        '') pc_end_with unknown "this machine keeps no run $pc_run" 1 ;;
        *) pc_say_why; pc_end_with reverted "$pc_why" 1 ;;
    esac
    pc_validations
    [ -n "$pc_failure" ] || pc_actions "$pc_dir" look
    if [ -n "$pc_failure" ]; then
        pc_take_back "$pc_dir" "step $pc_failed_step is no longer well: $pc_failure"
        pc_say_why
        pc_end_back reverted "$pc_why"
    fi
    pc_set_state "$pc_dir" 'done' || pc_end_with failed "that it is confirmed cannot be noted below $pc_home: $(pc_room)" 1
    pc_tidy "$pc_dir"
    pc_prune
    pc_end_with 'done' '' 0
}

# pc_revert WHY: the client asks for what would otherwise happen by itself.
pc_revert() {
    pc_asked_about=$pc_dir
    pc_lock
    pc_state
    case $pc_was in
        guarded | committing) pc_take_back "$pc_dir" "$1" ;;
        # Confirmed, though whoever asks has not heard of it.
        'done') pc_end_with 'done' '' 0 ;;
        '') pc_end_with unknown "this machine keeps no run $pc_run" 1 ;;
        *) pc_undo_trouble= ;;
    esac
    pc_say_why
    pc_end_back reverted "$pc_why"
}

# pc_timer timer|at|after|early|late [SECONDS]: the run's time is over, or the machine has started anew.
pc_timer() {
    # Called by its path, it is about the run that it lies in.
    pc_dir=${0%/revert}
    pc_home=${pc_dir%/runs/*}
    pc_why_now='nobody confirmed it in time'
    case $1 in
        after) printf '%s\n' "$$" >"$pc_dir/timer" && sleep "$2" ;;
        early | late)
            # The same boot: something else has started these units, as systemd does with what a target wants.
            ! read -r pc_skip pc_its_boot pc_skip <"$pc_dir/guard" || [ "$pc_its_boot" != "$(pc_boot)" ] || exit 0
            pc_why_now='the machine restarted before anybody confirmed it'
            ;;
    esac
    for pc_try in 1 2 3 4 5 6; do
        pc_lock_anyway
        pc_state
        case $pc_was in
            guarded | committing)
                if [ "$1" = early ]; then
                    pc_set_state "$pc_dir" committing && pc_put_all_back "$pc_dir"
                    exit
                fi
                pc_take_back "$pc_dir" "$pc_why_now"
                ;;
            # Never begun, or settled already.
            staging) pc_undo_trouble=; pc_disarm "$pc_dir"; pc_clear_beside "$pc_dir"; rm -rf "$pc_dir" ;;
            *) pc_undo_trouble=; pc_tidy "$pc_dir" ;;
        esac
        [ -n "$pc_undo_trouble" ] || exit 0
        exec 9>&-
        sleep 5
    done
}

# The lock, even from the run itself, should it still be at work: its time is over. No other run gets this far.
pc_lock_anyway() {
    exec 9>>"$pc_volatile/portcullis.lock"
    until pc_until 20 flock -n 9; do
        if { read -r pc_pid pc_held <"$pc_volatile/portcullis.holder"; } 2>/dev/null && [ "$pc_held" = "$pc_run" ]; then
            # What an action does must not outlive it; this timer is one of those that it started.
            for pc_n in "$pc_pid" $(pc_started_by "$pc_pid"); do
                [ "$pc_n" = "$$" ] || kill -s KILL "$pc_n" 2>/dev/null
            done
        fi
    done
    printf '%s\n' "${pc_owner:?}" >"$pc_volatile/portcullis.owner"
    printf '%s %s\n' "$$" "$pc_run" >"$pc_volatile/portcullis.holder"
}
