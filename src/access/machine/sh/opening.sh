# shellcheck shell=sh disable=SC2154,SC2034,SC2015 # names of closer.sh; `a && b || fail` means just that
# Opens a window on this machine. Follows closer.sh, whose text is in `pcw_closer_text` as well; a call follows this text.
# Answers: lines of tab-separated fields; `open` says that it is so, `failed` why it is not. Each program that is started here
# costs every machine of every window: what the shell can do itself it does.

pcw_at_home() { command -v at >/dev/null && command -v atrm >/dev/null && pgrep -x atd >/dev/null 2>&1; }

# pcw_unit_files ID SECONDS END EARLY LATE: a timer that fires by the wall clock or by the time that has passed, whichever comes
# first, and that a reboot does not lose; and one that warns of it. SECONDS from now; the others as systemd.time(7) writes them.
pcw_unit_files() {
    pcw_unit=$pcw_units/portcullis-window-$1
    pcw_run="/bin/sh $pcw_home/$1/closer"
    printf '[Unit]\nDescription=End of window %s\n[Service]\nType=oneshot\nExecStart=%s end\n' "$1" "$pcw_run" >"$pcw_unit.service" &&
        printf '[Unit]\nDescription=End of window %s\n[Timer]\nOnCalendar=%s\nOnActiveSec=%s\nAccuracySec=100ms\nPersistent=true\n[Install]\nWantedBy=timers.target\n' \
            "$1" "$3" "$2" >"$pcw_unit.timer" || return 1
    # A unit of its own: a terminal that takes nothing may hold it up.
    [ "$2" -gt 300 ] || return 0
    printf '[Unit]\nDescription=Warning of the end of window %s\n[Service]\nType=oneshot\nExecStart=%s warn\n' "$1" "$pcw_run" >"$pcw_unit-warn.service" &&
        printf '[Unit]\nDescription=Warning of the end of window %s\n[Timer]\nOnCalendar=%s\nOnCalendar=%s\nAccuracySec=1s\n[Install]\nWantedBy=timers.target\n' \
            "$1" "$4" "$5" >"$pcw_unit-warn.timer"
}

pcw_start_timers() {
    pcw_state='it could not be started'
    # shellcheck disable=SC2086 # a list of names without blanks
    systemctl restart $pcw_timers || return 1
    pcw_state=$(systemctl show --property=SubState --property=Unit "$pcw_name.timer")
    case $pcw_state in
        "SubState=waiting
Unit=$pcw_name.service" | "Unit=$pcw_name.service
SubState=waiting") ;;
        *) return 1 ;;
    esac
}

# pcw_arm ID END SECONDS…: the closer, armed and proven to be; SECONDS and what follows as for pcw_unit_files.
pcw_arm() {
    pcw_id=$1 pcw_end=$2 pcw_left=$3
    shift 2
    if pcw_has_systemd; then
        pcw_unit_files "$pcw_id" "$@" || return 1
        pcw_name=portcullis-window-$pcw_id
        pcw_timers=$pcw_name.timer
        [ ! -e "$pcw_units/$pcw_name-warn.timer" ] || pcw_timers="$pcw_timers $pcw_name-warn.timer"
        [ -d "$pcw_units/timers.target.wants" ] || mkdir -p "$pcw_units/timers.target.wants"
        set --
        for pcw_timer in $pcw_timers; do set -- "$@" "$pcw_units/$pcw_timer"; done
        ln -sf "$@" "$pcw_units/timers.target.wants" || return 1
        pcw_synced "$1" "${1%.timer}.service" "$pcw_home/$pcw_id/closer" "$pcw_home/$pcw_id/window"
        # A unit that systemd has not met is read as it starts; to have all units read anew takes ten times as long.
        [ "$pcw_is_new" = yes ] || systemctl daemon-reload || return 1
        pcw_start_timers 2>/dev/null || { systemctl daemon-reload && pcw_start_timers; } ||
            { printf 'its timer is not armed: %s\n' "$pcw_state"; return 1; }
        pcw_say armed "$pcw_id" systemd
        return
    fi
    pcw_synced "$pcw_home/$pcw_id/closer" "$pcw_home/$pcw_id/window"
    if pcw_at_home && [ "$pcw_left" -ge 120 ]; then
        # In a zone whose clocks go back, an hour comes twice.
        pcw_minute=$(date -u -d "@$((pcw_end - pcw_end % 60))" +%Y%m%d%H%M)
        pcw_out=$(printf 'exec /bin/sh %s/closer wait\n' "$pcw_home/$pcw_id" | TZ=UTC0 at -t "$pcw_minute" 2>&1) || { printf 'at: %s\n' "$pcw_out"; return 1; }
        pcw_job=$(printf '%s\n' "$pcw_out" | sed -n 's/^job \([0-9][0-9]*\) at .*$/\1/p')
        [ -n "$pcw_job" ] && atq | grep -q "^$pcw_job	" || { printf 'at keeps no such job: %s\n' "$pcw_out"; return 1; }
        printf '%s\n' "$pcw_job" >>"$pcw_home/$pcw_id/at"
        # By the wall clock alone one that is set back would win time.
        pcw_start_waiting "$pcw_id"
        pcw_say armed "$pcw_id" at
    else
        pcw_start_waiting "$pcw_id"
        sleep 0.2 2>/dev/null || sleep 1
        kill -0 "$!" 2>/dev/null || { echo 'the process that waits for its end does not live'; return 1; }
        pcw_say armed "$pcw_id" process
    fi
}

pcw_start_waiting() { setsid sh "$pcw_home/$1/closer" wait </dev/null >/dev/null 2>&1 7>&- & }

# pcw_open ID USER START END LINE USE ENDS EARLY LATE: first the closer, proven; then, and only then, the principal. Again with
# another end: an extension, which keeps the door as it is until the new closer is proven. The last three: its end and when its
# sessions are warned of it, as systemd.time(7) writes them.
pcw_open() { pcw_alone "$1" pcw_open_now "$@" || pcw_fail "$1" 'it could not be opened'; }

pcw_open_now() {
    pcw_is_new=yes
    [ ! -e "$pcw_home/$1/window" ] || pcw_is_new=no
    pcw_moment=$(pcw_now)
    [ "$4" -gt "$pcw_moment" ] || { pcw_fail "$1" 'its end has passed by the clock of this machine'; return 1; }
    command -v journalctl >/dev/null || [ -r /var/log/auth.log ] || [ -r /var/log/secure ] ||
        { pcw_fail "$1" 'nothing keeps what sshd logs (no journal, no /var/log/auth.log): sessions could not be ended'; return 1; }
    pcw_out=$({ pcw_write_down "$@" && pcw_arm "$1" "$4" "$(($4 - pcw_moment))" "$7" "$8" "$9"; } 2>&1) || {
        [ "$pcw_is_new" = no ] || pcw_forget "$1"
        pcw_fail "$1" "no closer could be armed: $pcw_out"
        return 1
    }
    printf '%s\n' "$pcw_out"
    [ -e "$pcw_home/$1/since" ] || pcw_instant >"$pcw_home/$1/since"
    pcw_file=$pcw_ssh/principals/$2
    if ! pcw_locked pcw_put_principals "$pcw_file" "$1" "$5" || ! pcw_has_line "$pcw_file" "$5"; then
        pcw_close "$1"
        pcw_fail "$1" "its principal could not be put into $pcw_file"
        return 1
    fi
    pcw_say open "$1" "$4"
}

# The window's record, its closer, and how its account stands. What stands already is replaced by rename.
pcw_write_down() {
    umask 077
    if [ "$6" = forwards ]; then mkdir -p "$pcw_home/$1"; else mkdir -p "$pcw_home/$1" "$pcw_accounts/$2"; fi || return 1
    pcw_account_before "$2" "$6" || return 1
    pcw_new=
    [ "$pcw_is_new" = yes ] || pcw_new=.new
    read -r pcw_up pcw_rest </proc/uptime && read -r pcw_boot </proc/sys/kernel/random/boot_id &&
        printf '%s' "$pcw_closer_text" >"$pcw_home/$1/closer$pcw_new" &&
        printf 'user=%s\nstart=%s\nend=%s\narmed=%s\nuptime=%s\nboot=%s\n' "$2" "$3" "$4" "$pcw_moment" "${pcw_up%%.*}" "$pcw_boot" \
            >"$pcw_home/$1/window$pcw_new" || return 1
    umask 022
    [ -n "$pcw_new" ] || return 0
    pcw_synced "$pcw_home/$1/closer.new" "$pcw_home/$1/window.new"
    mv -f "$pcw_home/$1/closer.new" "$pcw_home/$1/closer" && mv -f "$pcw_home/$1/window.new" "$pcw_home/$1/window"
}

# pcw_has_line FILE LINE
pcw_has_line() {
    while IFS= read -r pcw_text; do [ "$pcw_text" != "$2" ] || return 0; done <"$1"
    return 1
}
