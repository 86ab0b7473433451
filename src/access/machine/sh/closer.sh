# shellcheck shell=sh disable=SC2030,SC2031,SC2034 # functions share a pipeline's last part; a record's fields are read by others
# Ends one window on this machine. A copy stands beside the window's record while it is open and is run by its timer:
#   closer end     takes the principal away, ends the window's sessions and nobody else's, leaves nothing behind
#   closer wait    waits for the window's end, then the same (where no systemd keeps timers)
#   closer warn    tells the window's sessions, and those alone, how long they have
# The operator's commands hold the same text and call its functions. Answers are tab-separated lines.

LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
umask 022
pcw_home=${pcw_home:-/var/lib/portcullis/windows}
pcw_ssh=${pcw_ssh:-/etc/ssh/portcullis}
pcw_units=${pcw_units:-/etc/systemd/system}
pcw_booted=${pcw_booted:-/run/systemd/system}
pcw_sudoers=${pcw_sudoers:-/etc/sudoers.d}

pcw_say() { printf '%s\t%s\t%s\n' "$1" "${2:-}" "${3:-}" 2>/dev/null || :; }
pcw_has_systemd() { [ -d "$pcw_booted" ]; }
pcw_now() { date +%s; }
pcw_uptime() { read -r pcw_up pcw_rest </proc/uptime && printf '%s\n' "${pcw_up%%.*}"; }
# Which boot of the machine, and for how many hundredths of a second it has been up.
pcw_instant() {
    read -r pcw_up pcw_rest </proc/uptime && read -r pcw_rest </proc/sys/kernel/random/boot_id &&
        printf '%s %s\n' "$pcw_rest" "${pcw_up%.*}${pcw_up#*.}"
}

# Reads a window's record: who logs in, from when to when, and where the clocks stood when it was armed.
pcw_read() {
    pcw_user='' pcw_start='' pcw_end='' pcw_armed='' pcw_armed_up='' pcw_boot=''
    while IFS='=' read -r pcw_key pcw_value; do
        case $pcw_key in
            user) pcw_user=$pcw_value ;;
            start) pcw_start=$pcw_value ;;
            end) pcw_end=$pcw_value ;;
            armed) pcw_armed=$pcw_value ;;
            uptime) pcw_armed_up=$pcw_value ;;
            boot) pcw_boot=$pcw_value ;;
        esac
    done <"$pcw_home/$1/window"
}

# Changes of the principals' files happen one after the other.
pcw_locked() {
    [ -d "$pcw_ssh/principals" ] || mkdir -p "$pcw_ssh/principals" || return 1
    if command -v flock >/dev/null; then
        (flock -w 20 8 && "$@") 8>>"$pcw_ssh/.lock"
    else
        "$@"
    fi
}

# pcw_alone ID COMMAND…: opening and closing one window happen one after the other: a closing waits for an opening whose
# operator is gone already.
pcw_alone() {
    pcw_lock=${pcw_volatile:-/run}/portcullis-$1.lock
    shift
    command -v flock >/dev/null || { "$@"; return; }
    (flock -w 30 7 && "$@") 7>>"$pcw_lock"
}

# pcw_put_principals FILE ID [LINE]: replaces by rename alone; sshd reads the file at each login.
pcw_put_principals() {
    pcw_new=${1%/*}/.${1##*/}.new
    { [ ! -e "$1" ] || grep -v -e " $2\$" -e " $2\.jump\$" "$1"; [ -z "${3:-}" ] || printf '%s\n' "$3"; } >"$pcw_new"
    if [ -s "$pcw_new" ]; then
        chmod 0644 "$pcw_new" && { sync "$pcw_new" 2>/dev/null || sync; } && mv -f "$pcw_new" "$1"
    else
        rm -f "$pcw_new" "$1"
    fi
}

# pcw_take_away ID: its principal, whichever account it stands at.
pcw_take_away() {
    for pcw_file in "$pcw_ssh"/principals/*; do
        [ -f "$pcw_file" ] || continue
        grep -q -e " $1\$" -e " $1\.jump\$" "$pcw_file" || continue
        pcw_put_principals "$pcw_file" "$1" || return 1
    done
}

# What sshd, and nobody in its name, wrote to the journal since the window's start, on this boot; and logind's word of each
# session that began, with the process that leads it.
pcw_journal() {
    journalctl -q --no-pager -b -o export --output-fields=MESSAGE,_PID,_SYSTEMD_SESSION,LEADER,SESSION_ID \
        --since "@$((${pcw_start:-0} - 60))" _UID=0 _COMM=sshd + _UID=0 _COMM=sshd-session + \
        _UID=0 _COMM=systemd-logind MESSAGE_ID=8d45620c1a4348dbb17410da57c60c66 2>/dev/null
}

# pcw_connections ID: `PID ADDRESS PORT SESSION` of each connection that was let in by a certificate of this window, also of
# those that have ended: they may have left something behind. A number that a later login has again is told as 0.
pcw_connections() {
    pcw_ours=' ' pcw_logins=' '
    pcw_line='' pcw_pid='' pcw_session='' pcw_leader=''
    if pcw_has_systemd && command -v journalctl >/dev/null; then
        pcw_journal
    else
        # A line of syslog: `… sshd[PID]: Accepted …`, told as the journal tells it.
        cat /var/log/auth.log /var/log/secure 2>/dev/null |
            sed -n 's/^.* sshd[-a-z]*\[\([0-9]*\)\]: \(Accepted .*\)$/_PID=\1\
MESSAGE=\2\
/p'
    fi | {
        while IFS= read -r pcw_text; do
            case $pcw_text in
                _PID=*) pcw_pid=${pcw_text#*=} ;;
                _SYSTEMD_SESSION=* | SESSION_ID=*) pcw_session=${pcw_text#*=} ;;
                LEADER=*) pcw_leader=${pcw_text#*=} ;;
                'MESSAGE=Accepted '*) pcw_line=$pcw_text ;;
                '')
                    pcw_pid=${pcw_leader:-$pcw_pid}
                    [ -z "$pcw_line" ] || pcw_logins="$pcw_logins$pcw_pid "
                    case $pcw_ours in *" $pcw_pid/"*) pcw_count_again ;; esac
                    case $pcw_line in *" ID $1 (serial "*) pcw_count_login ;; esac
                    pcw_line='' pcw_session='' pcw_leader=''
                    ;;
            esac
        done
        for pcw_one in $pcw_ours; do printf '%s\n' "$pcw_one" | tr '/' ' '; done
        pcw_unaccounted "$1"
    }
}

# pcw_unaccounted ID: sessions of the window's account that began while it was open and whose login the journal does not have.
# It forgets the oldest when it is filled, and drops what comes too fast; both can be brought about by whoever is let in.
pcw_unaccounted() {
    [ -n "${pcw_user:-}" ] && read -r pcw_text pcw_since 2>/dev/null <"$pcw_home/$1/since" || return 0
    # All that lives began after a later boot.
    case $(pcw_instant) in "$pcw_text "*) ;; *) pcw_since=0 ;; esac
    pcw_self=
    while IFS= read -r pcw_text; do pcw_self="$pcw_self$pcw_text/"; done </proc/self/cgroup
    for pcw_file in /sys/fs/cgroup/user.slice/*/session-*.scope /sys/fs/cgroup/systemd/user.slice/*/session-*.scope; do
        [ -r "$pcw_file/cgroup.procs" ] || continue
        case $pcw_self in *"/${pcw_file##*/}/"*) continue ;; esac
        pcw_leader=
        while read -r pcw_pid; do
            { read -r pcw_text <"/proc/$pcw_pid/comm"; } 2>/dev/null || continue
            case $pcw_text in sshd*) pcw_leader=$pcw_pid; break ;; esac
        done <"$pcw_file/cgroup.procs" 2>/dev/null
        case $pcw_logins in *" ${pcw_leader:-none} "*) continue ;; esac
        pcw_session=${pcw_file##*/session-}
        pcw_session=${pcw_session%.scope}
        pcw_text=" $(loginctl show-session "$pcw_session" --property=Name --property=Service --property=Leader \
            --property=TimestampMonotonic 2>/dev/null | tr '\n' ' ')"
        case $pcw_text in *" Name=$pcw_user "*) ;; *) continue ;; esac
        case $pcw_text in *" Service=sshd "*) ;; *) continue ;; esac
        # Microseconds.
        pcw_rest=${pcw_text#* TimestampMonotonic=}
        pcw_rest=${pcw_rest%% *}
        [ "${pcw_rest%????}" -ge "$pcw_since" ] 2>/dev/null || continue
        pcw_leader=${pcw_text#* Leader=}
        case $pcw_logins in *" ${pcw_leader%% *} "*) ;; *) printf '%s - - %s\n' "${pcw_leader%% *}" "$pcw_session" ;; esac
    done
}

pcw_count_login() {
    pcw_from=${pcw_line#* from }
    pcw_port=${pcw_from#* port }
    pcw_ours="$pcw_ours$pcw_pid/${pcw_from%% *}/${pcw_port%% *}/- "
}

# Another line of a number that is known: another login's, or it tells the session.
pcw_count_again() {
    pcw_before=${pcw_ours%% "$pcw_pid"/*}
    pcw_one=${pcw_ours#* "$pcw_pid"/}
    pcw_after=${pcw_one#* }
    pcw_one=${pcw_one%% *}
    if [ -n "$pcw_line" ]; then
        pcw_ours="$pcw_before 0/$pcw_one $pcw_after"
    elif [ -n "$pcw_session" ]; then
        pcw_ours="$pcw_before $pcw_pid/${pcw_one%/*}/$pcw_session $pcw_after"
    fi
}

# pcw_scope PID SESSION: the login session's, where logind keeps one.
pcw_scope() {
    pcw_text=
    [ "$1" = 0 ] || pcw_text=$(sed -n 's/^.*\/\(session-[^/]*\.scope\)$/\1/p' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
    case $pcw_text/$2 in
        /-) ;;
        /*) printf 'session-%s.scope\n' "$2" ;;
        *) printf '%s\n' "$pcw_text" ;;
    esac
}

# pcw_processes PID ADDRESS PORT SESSION: what lives of a connection: its own process, its session's, their descendants, and
# what left all that but still carries the connection in its environment (`nohup`, `setsid`, `at`).
pcw_processes() {
    pcw_found=' '
    case $(cat "/proc/$1/comm" 2>/dev/null) in sshd*) pcw_found=" $1 " ;; *) set -- 0 "$2" "$3" "$4" ;; esac
    pcw_scope=$(pcw_scope "$1" "$4")
    if [ -n "$pcw_scope" ]; then
        for pcw_file in /sys/fs/cgroup/*/*/"$pcw_scope"/cgroup.procs /sys/fs/cgroup/systemd/*/*/"$pcw_scope"/cgroup.procs; do
            [ -r "$pcw_file" ] && pcw_found="$pcw_found$(tr '\n' ' ' <"$pcw_file")"
        done
    fi
    pcw_found="$pcw_found$(grep -lF "SSH_CLIENT=$2 $3 " /proc/[0-9]*/environ 2>/dev/null | sed 's/^.proc.\([0-9]*\).*$/\1/' | tr '\n' ' ')"
    [ "$pcw_found" != ' ' ] || return 0
    pcw_grown=yes
    while [ "$pcw_grown" = yes ]; do
        pcw_grown=no
        for pcw_file in /proc/[0-9]*/stat; do
            { read -r pcw_text <"$pcw_file"; } 2>/dev/null || continue
            pcw_pid=${pcw_text%% *}
            # The name before it may hold anything; the last bracket ends it. Then the state, then the parent.
            pcw_text=${pcw_text##*) }
            pcw_text=${pcw_text#* }
            case $pcw_found in
                *" $pcw_pid "*) ;;
                *" ${pcw_text%% *} "*) pcw_found="$pcw_found$pcw_pid " pcw_grown=yes ;;
            esac
        done
    done
    printf '%s\n' "$pcw_found"
}

# pcw_end_sessions ID: ends each connection of the window with all that it started; `pcw_ended` says how many there were,
# `pcw_known` which.
pcw_end_sessions() {
    pcw_known=$(pcw_connections "$1")
    pcw_ended=0
    [ -z "$pcw_known" ] || pcw_ended=$(pcw_end_known)
}

pcw_end_known() {
    printf '%s\n' "$pcw_known" | {
        while read -r pcw_monitor pcw_address pcw_port pcw_session; do
            pcw_victims=$(pcw_processes "$pcw_monitor" "$pcw_address" "$pcw_port" "$pcw_session")
            [ -n "$pcw_victims" ] || continue
            # Stopped first, so that none of them starts another meanwhile.
            # shellcheck disable=SC2086 # a list of numbers
            kill -s STOP $pcw_victims 2>/dev/null
            # shellcheck disable=SC2086 # a list of numbers
            kill -s KILL $pcw_victims 2>/dev/null
            pcw_scope=$(pcw_scope "$pcw_monitor" "$pcw_session")
            [ -z "$pcw_scope" ] || systemctl kill --signal=KILL "$pcw_scope" 2>/dev/null
            pcw_ended=$((pcw_ended + 1))
        done
        printf '%s\n' "$pcw_ended"
    }
}

# pcw_alive ID: what lives of the window's connections.
pcw_alive() {
    pcw_known=$(pcw_connections "$1")
    pcw_living
}

# The same of those that are known already.
pcw_living() {
    [ -z "${pcw_known:-}" ] || printf '%s\n' "$pcw_known" | while read -r pcw_monitor pcw_address pcw_port pcw_session; do
        pcw_processes "$pcw_monitor" "$pcw_address" "$pcw_port" "$pcw_session"
    done
}

# Whether sshd is at a login: it may have seen a principal that is gone meanwhile, and not have told of it yet. While it
# is, the connection has a process without rights (`[net]`) beside its own.
pcw_is_at_a_login() { grep -aqE '^sshd[-a-z]*: .*\[(net|accepted|preauth)\]' /proc/[0-9]*/cmdline 2>/dev/null; }

# pcw_close ID: where a login was under way as its principal went, once more a second later.
pcw_close() {
    pcw_user=
    [ ! -r "$pcw_home/$1/window" ] || pcw_read "$1"
    pcw_locked pcw_take_away "$1" || pcw_say trouble "$1" 'its principal could not be taken away'
    pcw_again=no
    ! pcw_is_at_a_login || pcw_again=yes
    ! pcw_has_systemd || journalctl --sync 2>/dev/null
    pcw_end_sessions "$1"
    pcw_first=$pcw_ended pcw_second=0
    # Without a journal nobody can say when a line has arrived.
    if [ "$pcw_again" = yes ] || ! pcw_has_systemd; then
        sleep 1
        ! pcw_has_systemd || journalctl --sync 2>/dev/null
        pcw_end_sessions "$1"
        pcw_second=$pcw_ended
    fi
    pcw_account_after "$1" "${pcw_user:-}"
    pcw_say ended "$1" "$((pcw_first + pcw_second))"
    logger -t portcullis "window $1 closed, $((pcw_first + pcw_second)) connections ended" 2>/dev/null
    pcw_forget "$1"
}

# pcw_forget ID: its timers and its record.
pcw_forget() {
    if [ -r "$pcw_home/$1/at" ]; then
        # shellcheck disable=SC2046 # a list of numbers
        atrm $(cat "$pcw_home/$1/at") 2>/dev/null
    fi
    rm -rf "$pcw_sudoers/portcullis-$1" "${pcw_home:?}/$1"
    pcw_unit=portcullis-window-$1
    set -- "$pcw_units/$pcw_unit.timer" "$pcw_units/$pcw_unit.service" "$pcw_units/$pcw_unit-warn.timer" "$pcw_units/$pcw_unit-warn.service"
    if [ -e "$1" ] || [ -e "$2" ] || [ -e "$3" ] || [ -e "$4" ]; then
        rm -f "$@" "$pcw_units/timers.target.wants/$pcw_unit.timer" "$pcw_units/timers.target.wants/$pcw_unit-warn.timer" \
            "${pcw_volatile:-/run}/portcullis-${pcw_unit#portcullis-window-}.lock"
        systemctl stop "$pcw_unit.timer" "$pcw_unit-warn.timer" 2>/dev/null
        # What is stopped and has no file any more is forgotten, unless a target has wanted it since the machine booted. To have
        # all units read anew takes ten times as long.
        [ -z "$(systemctl list-units --all --plain --no-legend "$pcw_unit*" 2>/dev/null)" ] || systemctl daemon-reload 2>/dev/null
        rm -f "/var/lib/systemd/timers/stamp-$pcw_unit.timer" "/var/lib/systemd/timers/stamp-$pcw_unit-warn.timer"
    fi
    rmdir "$pcw_home" 2>/dev/null || :
    pcw_unit=${pcw_volatile:-/run}/portcullis-${pcw_unit#portcullis-window-}.lock
    [ ! -e "$pcw_unit" ] || rm -f "$pcw_unit"
}

# pcw_left ID: seconds to its end, by the wall clock or by the time that has passed, whichever is fewer; setting a clock
# back wins nothing.
pcw_left() {
    pcw_read "$1" 2>/dev/null || return 1
    pcw_left=$((pcw_end - $(pcw_now)))
    [ "$(cat /proc/sys/kernel/random/boot_id)" = "$pcw_boot" ] || return 0
    pcw_passed=$((pcw_armed_up + pcw_end - pcw_armed - $(pcw_uptime)))
    [ "$pcw_passed" -ge "$pcw_left" ] || pcw_left=$pcw_passed
}

# pcw_end ID: told by its timer; one that was extended meanwhile stays open.
pcw_end() {
    ! pcw_left "$1" || [ "$pcw_left" -le 1 ] || return 0
    pcw_close "$1"
}

pcw_wait() {
    while pcw_left "$1"; do
        [ "$pcw_left" -gt 0 ] || { pcw_alone "$1" pcw_end "$1"; return; }
        [ "$pcw_left" -le 10 ] || pcw_left=10
        sleep "$pcw_left"
    done
}

# pcw_warn ID: onto the terminals of the window's sessions.
pcw_warn() {
    pcw_read "$1" || return 0
    pcw_minutes=$(((pcw_end - $(pcw_now) + 30) / 60))
    pcw_at=$(date -u -d "@$pcw_end" '+%H:%M:%S UTC' 2>/dev/null)
    pcw_pids=$(pcw_alive "$1")
    # A terminal that script(1) passes on is warned by the one behind it.
    pcw_behind=$(for pcw_pid in $pcw_pids; do
        case $(cat "/proc/$pcw_pid/comm" 2>/dev/null) in script) readlink "/proc/$pcw_pid/fd/0" ;; esac
    done)
    for pcw_pid in $pcw_pids; do
        readlink "/proc/$pcw_pid/fd/0" 2>/dev/null
    done | grep '^/dev/pts/' | sort -u | while read -r pcw_terminal; do
        case " $(printf '%s' "$pcw_behind" | tr '\n' ' ') " in *" $pcw_terminal "*) continue ;; esac
        printf '\r\n*** window %s: this session ends in %s minutes, at %s ***\r\n' "$1" "$pcw_minutes" "$pcw_at" >"$pcw_terminal"
    done
}

case ${1:-}/${0##*/} in
    */closer)
        pcw_here=${0%/*}
        pcw_id=${pcw_here##*/}
        case ${1:-} in
            end) pcw_alone "$pcw_id" pcw_end "$pcw_id" ;;
            wait) pcw_wait "$pcw_id" ;;
            warn) pcw_warn "$pcw_id" ;;
        esac
        ;;
esac
