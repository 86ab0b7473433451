# shellcheck shell=sh disable=SC2030,SC2031,SC2034,SC2154,SC2015 # functions share a pipeline's last part; names of account.sh
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
pcw_fail() { pcw_say failed "$1" "$(printf '%s' "$2" | tr '\t\n' '  ')"; }
pcw_synced() { sync "$@" 2>/dev/null || sync; }
# What stands unquoted is split at the ends of lines, or again at blanks. `read` takes a byte at a time.
pcw_in_lines() {
    IFS='
'
    set -f
}
pcw_in_words() {
    unset IFS
    set +f
}
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
    pcw_new=${1%/*}/.${1##*/}.new pcw_is_written=yes
    {
        if [ -e "$1" ]; then
            while IFS= read -r pcw_text || [ -n "$pcw_text" ]; do
                pcw_is_of "$pcw_text" "$2" || printf '%s\n' "$pcw_text" || pcw_is_written=no
            done <"$1"
        fi
        [ -z "${3:-}" ] || printf '%s\n' "$3" || pcw_is_written=no
    } >"$pcw_new" && [ "$pcw_is_written" = yes ] || { rm -f "$pcw_new"; return 1; }
    if [ -s "$pcw_new" ]; then
        pcw_synced "$pcw_new" && mv -f "$pcw_new" "$1"
    else
        rm -f "$pcw_new" "$1"
    fi
}

# pcw_lets_in FILE ID: whether a line there is the window's.
pcw_lets_in() {
    while IFS= read -r pcw_text || [ -n "$pcw_text" ]; do
        ! pcw_is_of "$pcw_text" "$2" || return 0
    done <"$1"
    return 1
}

# pcw_is_of LINE ID: as sshd reads a line, somebody else's as well: what follows a `#` is no part of it, and options may be missing.
pcw_is_of() {
    pcw_word=${1%%#*}
    while :; do
        case $pcw_word in *[!\ \	]) break ;; '') return 1 ;; esac
        pcw_word=${pcw_word%?}
    done
    pcw_word=${pcw_word##*[\ \	]}
    [ "$pcw_word" = "$2" ] || [ "$pcw_word" = "$2.jump" ]
}

# pcw_take_away ID: its principal, whichever account it stands at.
pcw_take_away() {
    for pcw_file in "$pcw_ssh"/principals/*; do
        [ -f "$pcw_file" ] && pcw_lets_in "$pcw_file" "$1" || continue
        pcw_put_principals "$pcw_file" "$1" || return 1
    done
}

# Whether sshd is at a login: it may have seen a principal that is gone meanwhile, and not have told of it yet. While it
# is, the connection has a process without rights (`[net]`) beside its own.
pcw_is_at_a_login() { grep -aqE '^sshd[-a-z]*: .*\[(net|accepted|preauth)\]' /proc/[0-9]*/cmdline 2>/dev/null; }

# pcw_close ID: where a login was under way as its principal went, once more a second later.
pcw_close() {
    pcw_user='' pcw_logged=no pcw_left_behind='' pcw_unneeded=''
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

# pcw_forget ID: its timers and its record, and what `pcw_unneeded` names.
pcw_forget() {
    if [ -r "$pcw_home/$1/at" ]; then
        # shellcheck disable=SC2046 # a list of numbers
        atrm $(cat "$pcw_home/$1/at") 2>/dev/null
    fi
    pcw_unit=$pcw_units/portcullis-window-$1
    pcw_name=${pcw_unit##*/}
    pcw_was_timed=no
    [ ! -e "$pcw_unit.timer" ] && [ ! -e "$pcw_unit.service" ] && [ ! -e "$pcw_unit-warn.timer" ] && [ ! -e "$pcw_unit-warn.service" ] || pcw_was_timed=yes
    [ "$pcw_was_timed" = no ] || systemctl stop "$pcw_name.timer" "$pcw_name-warn.timer" 2>/dev/null
    rm -rf "$pcw_sudoers/portcullis-$1" "${pcw_home:?}/$1" "${pcw_unneeded:-$pcw_home/$1}" "$pcw_unit.timer" "$pcw_unit.service" \
        "$pcw_unit-warn.timer" "$pcw_unit-warn.service" "$pcw_units/timers.target.wants/$pcw_name.timer" \
        "$pcw_units/timers.target.wants/$pcw_name-warn.timer" "/var/lib/systemd/timers/stamp-$pcw_name.timer" \
        "/var/lib/systemd/timers/stamp-$pcw_name-warn.timer" "${pcw_volatile:-/run}/portcullis-$1.lock"
    # What is stopped and has no file any more is forgotten, unless a target has wanted it since the machine booted. To have all
    # units read anew takes ten times as long.
    [ "$pcw_was_timed" = no ] || [ -z "$(systemctl list-units --all --plain --no-legend "$pcw_name*" 2>/dev/null)" ] || systemctl daemon-reload 2>/dev/null
    rmdir "$pcw_home" "$pcw_accounts" 2>/dev/null || :
}

# pcw_left ID: seconds to its end, by the wall clock or by the time that has passed, whichever is fewer; setting a clock
# back wins nothing.
pcw_left() {
    pcw_read "$1" 2>/dev/null || return 1
    pcw_left=$((pcw_end - $(pcw_now)))
    read -r pcw_rest </proc/sys/kernel/random/boot_id && [ "$pcw_rest" = "$pcw_boot" ] || return 0
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
