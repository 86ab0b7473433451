# shellcheck shell=sh disable=SC2030,SC2031,SC2034,SC2154,SC2015 # functions share a pipeline's last part; names of closer.sh
# Finds the connections that were let in by a window's certificates, and ends them with all that they started. A part of the
# closer, whose text follows this.

# What sshd, and nobody in its name, wrote to the journal since the window's start, on this boot; and logind's word of each
# session that began, with the process that leads it.
pcw_journal() {
    journalctl -q --no-pager -b -o export --output-fields=MESSAGE,_PID,_SYSTEMD_SESSION,LEADER,SESSION_ID \
        --since "@$((${pcw_start:-0} - 60))" _UID=0 _COMM=sshd + _UID=0 _COMM=sshd-session + \
        _UID=0 _COMM=systemd-logind MESSAGE_ID=8d45620c1a4348dbb17410da57c60c66 2>/dev/null |
        sed -n -e '/^_PID=/p' -e '/^_SYSTEMD_SESSION=/p' -e '/^LEADER=/p' -e '/^SESSION_ID=/p' -e '/^MESSAGE=Accepted /p' \
            -e '/^MESSAGE=.*ertificate/p' -e '/^MESSAGE=error: Authentication key /p' -e 's/^$/./p'
}

# The same of a file of syslog, where a line `… sshd[PID]: Accepted …` is a record.
pcw_log_file() {
    cat /var/log/auth.log /var/log/secure 2>/dev/null | sed -n 's/^.* sshd[-a-z]*\[\([0-9]*\)\]: \(Accepted .*\)$/_PID=\1\
MESSAGE=\2\
./p'
}

# pcw_connections ID: `PID ADDRESS PORT SESSION` of each connection that was let in by a certificate of this window, also of
# those that have ended: they may have left something behind. A number that a later login has again is told as 0. A line
# `evidence` comes first where there may be more to be told of the window than that nobody came.
pcw_connections() {
    pcw_ours=' ' pcw_logins=' ' pcw_accepted='' pcw_told=''
    pcw_line='' pcw_pid='' pcw_session='' pcw_leader=''
    if pcw_has_systemd && command -v journalctl >/dev/null; then
        pcw_records=$(pcw_journal)
        # Of an earlier boot, or of a start that is not known, that does not tell.
        [ "${pcw_start:-0}" -gt 0 ] && [ $(($(pcw_now) - pcw_start + 60)) -lt "$(pcw_uptime)" ] || pcw_told=evidence
    else
        pcw_records=$(pcw_log_file)
        pcw_told=evidence
    fi
    pcw_in_lines
    for pcw_text in $pcw_records; do
        case $pcw_text in
            _PID=*) pcw_pid=${pcw_text#*=} ;;
            _SYSTEMD_SESSION=* | SESSION_ID=*) pcw_session=${pcw_text#*=} ;;
            LEADER=*) pcw_leader=${pcw_text#*=} ;;
            'MESSAGE=Accepted '*) pcw_line=$pcw_text ;;
            MESSAGE=*) pcw_told=evidence ;;
            .)
                pcw_pid=${pcw_leader:-$pcw_pid}
                [ -z "$pcw_line" ] || pcw_count_anyones
                case $pcw_ours in *" $pcw_pid/"*) pcw_count_again ;; esac
                case $pcw_line in *" ID $1 (serial "*) pcw_count_login ;; esac
                pcw_line='' pcw_session='' pcw_leader=''
                ;;
        esac
    done
    pcw_in_words
    [ -z "$pcw_told" ] || echo "$pcw_told"
    for pcw_one in $pcw_ours; do printf '%s\n' "$pcw_one" | tr '/' ' '; done
    pcw_unaccounted "$1"
}

# pcw_unaccounted ID: sessions of the window's account that began while it was open and whose login the journal does not have.
# It forgets the oldest when it is filled, and drops what comes too fast; both can be brought about by whoever is let in.
pcw_unaccounted() {
    [ -n "${pcw_user:-}" ] && read -r pcw_text pcw_since 2>/dev/null <"$pcw_home/$1/since" || return 0
    # All that lives began after a later boot.
    read -r pcw_rest </proc/sys/kernel/random/boot_id && [ "$pcw_rest" = "$pcw_text" ] || pcw_since=0
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
    # Where our own login has a session others have one, too. A closer that its timer started has none.
    case $pcw_self in */session-*.scope/*) ;; *) pcw_unaccounted_processes ;; esac
}

# The same where no session is kept of a login: sshd's process for it, and what has outlived that and still carries the connection
# in its environment.
pcw_unaccounted_processes() {
    pcw_above=" $$ " pcw_pid=$$
    while [ "${pcw_pid:-1}" -gt 1 ]; do
        pcw_pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pcw_pid/status" 2>/dev/null)
        pcw_above="$pcw_above$pcw_pid "
    done
    for pcw_pid in $(grep -alF -e "sshd: $pcw_user [priv]" -e "sshd-session: $pcw_user [priv]" /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n'); do
        case $pcw_above$pcw_logins in *" $pcw_pid "*) continue ;; esac
        pcw_is_without_session "$pcw_pid" && printf '%s - - -\n' "$pcw_pid"
    done
    # What an earlier process carries, too, is an older connection's: a new window of somebody's tmux.
    pcw_carriers=$(grep -alF -e 'SSH_CLIENT=' /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n')
    pcw_older=
    for pcw_pid in $pcw_carriers; do
        [ "$(pcw_began "$pcw_pid")" -ge "$pcw_since" ] 2>/dev/null || pcw_older="$pcw_older $(pcw_carried "$pcw_pid") "
    done
    for pcw_pid in $pcw_carriers; do
        case $pcw_above in *" $pcw_pid "*) continue ;; esac
        case $(stat -c %U "/proc/$pcw_pid" 2>/dev/null) in "$pcw_user") ;; *) continue ;; esac
        pcw_is_without_session "$pcw_pid" && ! pcw_is_timed "$pcw_pid" || continue
        pcw_text=$(pcw_carried "$pcw_pid")
        case $pcw_accepted$pcw_older in *" ${pcw_text:-none} "*) ;; *) printf '0 %s -\n' "$pcw_text" ;; esac
    done | sort -u
}

# pcw_carried PID: address and port of the connection that it began in.
pcw_carried() { tr '\0' '\n' <"/proc/$1/environ" 2>/dev/null | sed -n 's/^SSH_CLIENT=\([^ ]* [0-9]*\) .*$/\1/p' | head -n 1; }

# pcw_is_timed PID: started by cron or `at`, which keeps the environment of whoever asked for it, however long ago.
pcw_is_timed() {
    set -- "$1"
    while [ "${1:-1}" -gt 1 ]; do
        case $(cat "/proc/$1/comm" 2>/dev/null) in atd | cron | crond) return 0 ;; esac
        set -- "$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$1/status" 2>/dev/null)"
    done
    return 1
}

# pcw_is_without_session PID: and began since the window was opened.
pcw_is_without_session() {
    [ "$(pcw_began "$1")" -ge "$pcw_since" ] 2>/dev/null || return 1
    while IFS= read -r pcw_text; do
        case $pcw_text in */session-*.scope* | */user@*) return 1 ;; esac
    done 2>/dev/null <"/proc/$1/cgroup"
}

pcw_count_anyones() {
    pcw_from=${pcw_line#* from }
    pcw_port=${pcw_from#* port }
    pcw_logins="$pcw_logins$pcw_pid " pcw_accepted="$pcw_accepted ${pcw_from%% *} ${pcw_port%% *} "
}

pcw_count_login() {
    pcw_ours="$pcw_ours$pcw_pid/${pcw_from%% *}/${pcw_port%% *}/- " pcw_told=evidence
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

# pcw_began PID: when, in hundredths of a second since the machine booted (proc(5): the twenty-second field of `stat`; the name, the
# second, may hold anything).
pcw_began() {
    { read -r pcw_text <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086 # words
    set -- ${pcw_text##*) }
    printf '%s\n' "${20}"
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

# pcw_know ID: its connections in `pcw_known`; `pcw_logged` where there is more to be told of it.
pcw_know() {
    pcw_known=$(pcw_connections "$1")
    case $pcw_known in
        evidence*)
            pcw_logged=yes
            pcw_known=${pcw_known#evidence}
            pcw_known=${pcw_known#
}
            ;;
    esac
}

# pcw_end_sessions ID: ends each connection of the window with all that it started; `pcw_ended` says how many there were,
# `pcw_known` which.
pcw_end_sessions() {
    pcw_know "$1"
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
    pcw_know "$1"
    pcw_living
}

# The same of those that are known already.
pcw_living() {
    [ -z "${pcw_known:-}" ] || printf '%s\n' "$pcw_known" | while read -r pcw_monitor pcw_address pcw_port pcw_session; do
        pcw_processes "$pcw_monitor" "$pcw_address" "$pcw_port" "$pcw_session"
    done
}
