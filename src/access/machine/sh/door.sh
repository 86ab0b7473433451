# shellcheck shell=sh disable=SC2154,SC2034,SC2015 # names of closer.sh; `a && b || fail` means just that
# Opens a window on this machine, closes it, and tells how its door stands. Follows closer.sh; calls follow this text.
# Answers: lines of tab-separated fields; `open` and `closed` say that it is so, `failed` why it is not.

pcw_at_home() { command -v at >/dev/null && command -v atrm >/dev/null && pgrep -x atd >/dev/null 2>&1; }

# pcw_unit_files ID END: a timer that fires by the wall clock or by the time that has passed, whichever comes first, and
# that a reboot does not lose.
pcw_unit_files() {
    pcw_unit=$pcw_units/portcullis-window-$1
    pcw_run="/bin/sh $pcw_home/$1/closer"
    pcw_left=$(($2 - $(pcw_now)))
    [ "$pcw_left" -gt 0 ] || pcw_left=0
    printf '[Unit]\nDescription=End of window %s\n[Service]\nType=oneshot\nExecStart=%s end\n' "$1" "$pcw_run" >"$pcw_unit.service" &&
        printf '[Unit]\nDescription=End of window %s\n[Timer]\nOnCalendar=%s\nOnActiveSec=%s\nAccuracySec=100ms\nPersistent=true\n[Install]\nWantedBy=timers.target\n' \
            "$1" "$(date -u -d "@$2" '+%Y-%m-%d %H:%M:%S UTC')" "$pcw_left" >"$pcw_unit.timer" || return 1
    [ "$pcw_left" -gt 300 ] || return 0
    set -- "$1" "$2" $(($2 - 900)) $(($2 - 300))
    printf '[Unit]\nDescription=Warning of the end of window %s\n[Service]\nType=oneshot\nExecStart=%s warn\n' "$1" "$pcw_run" >"$pcw_unit-warn.service" &&
        printf '[Unit]\nDescription=Warning of the end of window %s\n[Timer]\nOnCalendar=%s\nOnCalendar=%s\nAccuracySec=1s\n[Install]\nWantedBy=timers.target\n' \
            "$1" "$(date -u -d "@$3" '+%Y-%m-%d %H:%M:%S UTC')" "$(date -u -d "@$4" '+%Y-%m-%d %H:%M:%S UTC')" >"$pcw_unit-warn.timer"
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

# pcw_arm ID END: the closer, armed and proven to be.
pcw_arm() {
    if pcw_has_systemd; then
        pcw_unit_files "$1" "$2" || return 1
        pcw_name=portcullis-window-$1
        pcw_timers=$pcw_name.timer
        [ ! -e "$pcw_units/$pcw_name-warn.timer" ] || pcw_timers="$pcw_timers $pcw_name-warn.timer"
        [ -d "$pcw_units/timers.target.wants" ] || mkdir -p "$pcw_units/timers.target.wants"
        for pcw_timer in $pcw_timers; do
            ln -sfn "$pcw_units/$pcw_timer" "$pcw_units/timers.target.wants/$pcw_timer" || return 1
        done
        sync "$pcw_units/$pcw_name.timer" "$pcw_units/$pcw_name.service" 2>/dev/null || sync
        # A unit that systemd has not met is read as it starts; to have all units read anew takes ten times as long.
        [ "$pcw_is_new" = yes ] || systemctl daemon-reload || return 1
        pcw_start_timers 2>/dev/null || { systemctl daemon-reload && pcw_start_timers; } ||
            { printf 'its timer is not armed: %s\n' "$pcw_state"; return 1; }
        pcw_say armed "$1" systemd
    elif pcw_at_home && [ "$(($2 - $(pcw_now)))" -ge 120 ]; then
        # In a zone whose clocks go back, an hour comes twice.
        pcw_minute=$(date -u -d "@$(($2 - $2 % 60))" +%Y%m%d%H%M)
        pcw_out=$(printf 'exec /bin/sh %s/closer wait\n' "$pcw_home/$1" | TZ=UTC0 at -t "$pcw_minute" 2>&1) || { printf 'at: %s\n' "$pcw_out"; return 1; }
        pcw_job=$(printf '%s\n' "$pcw_out" | sed -n 's/^job \([0-9][0-9]*\) at .*$/\1/p')
        [ -n "$pcw_job" ] && atq | grep -q "^$pcw_job	" || { printf 'at keeps no such job: %s\n' "$pcw_out"; return 1; }
        printf '%s\n' "$pcw_job" >>"$pcw_home/$1/at"
        # By the wall clock alone one that is set back would win time.
        pcw_start_waiting "$1"
        pcw_say armed "$1" at
    else
        pcw_start_waiting "$1"
        sleep 0.2 2>/dev/null || sleep 1
        kill -0 "$!" 2>/dev/null || { echo 'the process that waits for its end does not live'; return 1; }
        pcw_say armed "$1" process
    fi
}

pcw_start_waiting() { setsid sh "$pcw_home/$1/closer" wait </dev/null >/dev/null 2>&1 7>&- & }

pcw_fail() { pcw_say failed "$1" "$(printf '%s' "$2" | tr '\t\n' '  ')"; }

# pcw_open ID USER START END LINE USE: first the closer, proven; then, and only then, the principal. Again with another end: an
# extension, which keeps the door as it is until the new closer is proven.
pcw_open() { pcw_alone "$1" pcw_open_now "$@" || pcw_fail "$1" 'it could not be opened'; }

pcw_open_now() {
    pcw_is_new=yes
    [ ! -e "$pcw_home/$1/window" ] || pcw_is_new=no
    [ "$4" -gt "$(pcw_now)" ] || { pcw_fail "$1" 'its end has passed by the clock of this machine'; return 1; }
    command -v journalctl >/dev/null || [ -r /var/log/auth.log ] || [ -r /var/log/secure ] ||
        { pcw_fail "$1" 'nothing keeps what sshd logs (no journal, no /var/log/auth.log): sessions could not be ended'; return 1; }
    pcw_out=$({ mkdir -p "$pcw_home/$1" && chmod 0700 "$pcw_home" && pcw_account_before "$1" "$2" "$6" && pcw_closer_text >"$pcw_home/$1/closer.new" &&
        mv -f "$pcw_home/$1/closer.new" "$pcw_home/$1/closer" &&
        printf 'user=%s\nstart=%s\nend=%s\narmed=%s\nuptime=%s\nboot=%s\n' "$2" "$3" "$4" "$(pcw_now)" "$(pcw_uptime)" \
            "$(cat /proc/sys/kernel/random/boot_id)" >"$pcw_home/$1/window.new" &&
        sync "$pcw_home/$1/closer" "$pcw_home/$1/window.new" && mv -f "$pcw_home/$1/window.new" "$pcw_home/$1/window"; } 2>&1) &&
        pcw_out=$(pcw_arm "$1" "$4" 2>&1) || {
        [ "$pcw_is_new" = no ] || pcw_forget "$1"
        pcw_fail "$1" "no closer could be armed: $pcw_out"
        return 1
    }
    printf '%s\n' "$pcw_out"
    [ -e "$pcw_home/$1/since" ] || pcw_instant >"$pcw_home/$1/since"
    pcw_file=$pcw_ssh/principals/$2
    if ! pcw_locked pcw_put_principals "$pcw_file" "$1" "$5" || ! grep -qxF -e "$5" "$pcw_file"; then
        pcw_close "$1"
        pcw_fail "$1" "its principal could not be put into $pcw_file"
        return 1
    fi
    pcw_say open "$1" "$4"
}

# pcw_krl BASE64 REVOKED KEPT: replaces the list of revoked certificates by rename, and asks it for one key that must not
# pass and one that must; else the old one stays. Of two closings at once the later list holds what the earlier one does.
pcw_krl() {
    [ -d "$pcw_ssh" ] || { pcw_say krl 'done' ''; return 0; }
    pcw_locked pcw_put_krl "$@" || { pcw_fail krl 'the list of revoked certificates could not be replaced'; return 1; }
}

# pcw_krl_version FILE: as a number (PROTOCOL.krl: eight bytes, after magic and format of 8 and 4).
pcw_krl_version() {
    # shellcheck disable=SC2046 # bytes
    set -- $(od -An -tx1 -j12 -N8 "$1" 2>/dev/null)
    pcw_version=0
    for pcw_text in "$@"; do pcw_version=$((pcw_version * 256 + 0x$pcw_text)); done
}

# pcw_is_older NEW STANDING
pcw_is_older() {
    pcw_krl_version "$1"
    pcw_mine=$pcw_version
    pcw_krl_version "$2"
    [ "$pcw_mine" -lt "$pcw_version" ]
}

pcw_put_krl() {
    pcw_out=$({ printf '%s' "$1" | base64 -d >"$pcw_ssh/.krl.new" && printf '%s\n' "$2" >"$pcw_ssh/.revoked.pub" &&
        printf '%s\n' "$3" >"$pcw_ssh/.kept.pub" && chmod 0644 "$pcw_ssh/.krl.new"; } 2>&1) || { pcw_fail krl "$pcw_out"; return 1; }
    if ! command -v ssh-keygen >/dev/null; then
        pcw_out='ssh-keygen is missing'
    elif ! ssh-keygen -Q -f "$pcw_ssh/.krl.new" "$pcw_ssh/.kept.pub" >/dev/null 2>&1; then
        pcw_out='it revokes what it must not, or cannot be read'
    elif [ -n "$2" ] && ssh-keygen -Q -f "$pcw_ssh/.krl.new" "$pcw_ssh/.revoked.pub" >/dev/null 2>&1; then
        pcw_out='it does not revoke what it must'
    elif [ -n "$2" ] && pcw_is_older "$pcw_ssh/.krl.new" "$pcw_ssh/krl" &&
        ! ssh-keygen -Q -f "$pcw_ssh/krl" "$pcw_ssh/.revoked.pub" >/dev/null 2>&1; then
        pcw_out=
    else
        pcw_out=$({ sync "$pcw_ssh/.krl.new" || sync; mv -f "$pcw_ssh/.krl.new" "$pcw_ssh/krl"; } 2>&1) && pcw_out=
    fi
    rm -f "$pcw_ssh/.krl.new" "$pcw_ssh/.revoked.pub" "$pcw_ssh/.kept.pub"
    if [ -z "$pcw_out" ]; then pcw_say krl 'done' ''; else pcw_fail krl "$pcw_out"; fi
}

# pcw_first_krl BASE64 KEPT: one that stands already revokes more, and stays.
pcw_first_krl() {
    mkdir -p "$pcw_ssh" || { pcw_fail krl "$pcw_ssh cannot be made"; return 1; }
    if [ -s "$pcw_ssh/krl" ]; then pcw_say krl 'done' ''; else pcw_krl "$1" '' "$2"; fi
}

# pcw_shut ID START: closes, then looks whether the door is shut. START is for a machine that has forgotten the window.
pcw_shut() { pcw_alone "$1" pcw_shut_now "$1" "$2" || pcw_fail "$1" 'it could not be closed: something else is at work on it'; }

pcw_shut_now() {
    pcw_start=$2
    pcw_close "$1"
    pcw_account_left "$1"
    pcw_is_shut "$1" && pcw_say closed "$1" ''
}

pcw_is_shut() {
    for pcw_file in "$pcw_ssh"/principals/*; do
        [ -f "$pcw_file" ] || continue
        ! grep -q -e " $1\$" -e " $1\.jump\$" "$pcw_file" || { pcw_fail "$1" "its principal is still in $pcw_file"; return 1; }
    done
    # Every login that was let in is known: its line was in the journal before the closing looked there.
    pcw_out=$(pcw_living)
    [ -z "$pcw_out" ] || { pcw_fail "$1" "still alive: $pcw_out"; return 1; }
    for pcw_file in "$pcw_home/$1" "$pcw_units/portcullis-window-$1.timer" "$pcw_units/portcullis-window-$1.service"; do
        [ ! -e "$pcw_file" ] || { pcw_fail "$1" "$pcw_file is still there"; return 1; }
    done
}

# pcw_look USER: the clock, the door and who has a key to it; changes nothing.
pcw_look() {
    pcw_say clock "$(date +%s)" "$(date +%s.%N)"
    set -- "$1" "$pcw_ssh/user_ca.pub" "$pcw_ssh/krl" /etc/ssh/sshd_config.d/10-portcullis-windows.conf
    sha256sum "$2" "$3" "$4" 2>/dev/null | while read -r pcw_sum pcw_file; do pcw_say file "$pcw_file" "$pcw_sum"; done
    for pcw_file in "$2" "$3" "$4"; do [ -f "$pcw_file" ] || pcw_say file "$pcw_file" absent; done
    pcw_out=$(sshd -T -C "user=$1,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22" 2>&1) || pcw_say sshd broken "$(printf '%s' "$pcw_out" | tr '\t\n' '  ')"
    printf '%s\n' "$pcw_out" | while read -r pcw_key pcw_value; do
        case $pcw_key in
            allowgroups) pcw_say allowed-group "$pcw_value" ;;
            trustedusercakeys | authorizedprincipalsfile | authorizedprincipalscommand | revokedkeys | loglevel | pubkeyauthentication)
                pcw_say sshd "$pcw_key" "$pcw_value"
                ;;
        esac
    done
    for pcw_text in $(id -Gn "$1" 2>/dev/null); do pcw_say group "$pcw_text"; done
    for pcw_file in /etc/ssh/ssh_host_*_key.pub; do
        [ -r "$pcw_file" ] && read -r pcw_key pcw_value pcw_rest <"$pcw_file" && pcw_say hostkey "$pcw_key" "$pcw_value"
    done
    for pcw_file in "$pcw_ssh"/principals/*; do
        [ -f "$pcw_file" ] || continue
        while IFS= read -r pcw_text; do pcw_say principal "${pcw_file##*/}" "$(printf '%s' "$pcw_text" | tr '\t' ' ')"; done <"$pcw_file"
    done
    for pcw_file in "$pcw_home"/*/; do
        [ -d "$pcw_file" ] || continue
        pcw_file=${pcw_file%/}
        pcw_end=
        pcw_read "${pcw_file##*/}" 2>/dev/null
        pcw_say window "${pcw_file##*/}" "$pcw_end"
    done
    set --
    for pcw_file in "$pcw_units"/portcullis-window-*.timer; do
        [ ! -e "$pcw_file" ] || set -- "$@" "${pcw_file##*/}"
    done
    pcw_out=
    [ "$#" -eq 0 ] || ! pcw_has_systemd || pcw_out=$(systemctl is-active "$@" 2>/dev/null)
    for pcw_file in "$@"; do
        pcw_say timer "$pcw_file" "${pcw_out%%
*}"
        pcw_out=${pcw_out#*
}
    done
    pcw_say end
}
