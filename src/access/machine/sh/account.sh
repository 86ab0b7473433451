# shellcheck shell=sh disable=SC2154,SC2034 # names of closer.sh, whose text follows this
# What a window's account could leave behind beside its sessions: keys, start-up files, timetables, services of its own.
# How it stood before its first window is kept here; at the end of its last one what differs is told, and where only windows
# use the account what would run later is ended and taken away.

pcw_accounts=${pcw_accounts:-/var/lib/portcullis/accounts}
pcw_linger=${pcw_linger:-/var/lib/systemd/linger}
pcw_spool=${pcw_spool:-/var/spool}

# pcw_account_entry USER: its number and its home folder.
pcw_account_entry() {
    pcw_entry=$(getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd)
    pcw_folder=${pcw_entry%:*}
    pcw_folder=${pcw_folder##*:}
    pcw_text=${pcw_entry#*:*:}
    pcw_uid=${pcw_text%%:*}
}

# pcw_account_state USER: a line for each file that lets in or runs something in the account's name: owner, inode, size, time of
# its last change, name. Contents are not read: they may have no end, and that time cannot be set by their owner.
pcw_account_state() {
    (
        cd "${pcw_folder:-/nonexistent}" 2>/dev/null && set -- "$1" .ssh/authorized_keys .ssh/authorized_keys2 .ssh/rc .ssh/environment \
            .pam_environment .profile .bash_profile .bash_login .bashrc .bash_logout .zshenv .zprofile .zshrc .zlogin .cshrc .tcshrc \
            .login .logout .kshrc .mkshrc .shrc .config/fish/config.fish .config/fish/conf.d/* .config/environment.d/* \
            .config/systemd/user/* .config/systemd/user/*/* .config/systemd/user.control/* .local/share/systemd/user/* \
            .local/share/dbus-1/services/* .config/autostart/* .forward .procmailrc .rhosts .shosts .k5login .k5users .bash_aliases \
            bin/* .local/bin/*
        pcw_user=$1
        shift
        # Jobs of `at` are its owner's files; where it is root, our own closers are among them.
        [ "$pcw_user" = root ] || set -- "$@" "$pcw_spool"/cron/atjobs/* "$pcw_spool"/at/* "$pcw_spool"/atjobs/* "$pcw_linger/$pcw_user"
        stat -L -c '%u %i %s %Z %n' "$@" "$pcw_spool/cron/crontabs/$pcw_user" "$pcw_spool/cron/$pcw_user" 2>/dev/null
    ) | while IFS= read -r pcw_text; do
        case $pcw_text in
            *"$pcw_spool"/*at*/* | *"$pcw_spool"/at/*) case $pcw_text in "$pcw_uid "*) ;; *) continue ;; esac ;;
        esac
        printf '%s\n' "$pcw_text"
    done
}

# pcw_account_before USER USE: USE is `own` where only windows use the account, else `shared`, or `forwards` where nobody gets a
# session. The first window's word stands until the last one's end. Its folder is there; USE, the last in it, makes it whole.
pcw_account_before() {
    [ "$2" != forwards ] && [ ! -e "$pcw_accounts/$1/use" ] || return 0
    pcw_account_entry "$1"
    pcw_account_state "$1" >"$pcw_accounts/$1/state" || return 1
    for pcw_file in "$pcw_spool/cron/crontabs/$1" "$pcw_spool/cron/$1"; do
        [ ! -f "$pcw_file" ] || crontab -u "$1" -l >"$pcw_accounts/$1/crontab" || return 1
    done
    pcw_instant >"$pcw_accounts/$1/since" && printf '%s\n' "$2" >"$pcw_accounts/$1/use"
}

# pcw_account_after ID USER: where no other window has the account, what differs is kept for the operator, in
# `$pcw_accounts/ID.left`, and the folder is named in `pcw_unneeded`.
pcw_account_after() {
    [ -n "${2:-}" ] && [ -d "$pcw_accounts/$2" ] || return 0
    for pcw_file in "$pcw_home"/*/window; do
        case $pcw_file in "$pcw_home/$1/window") continue ;; esac
        [ -f "$pcw_file" ] || continue
        while IFS= read -r pcw_text; do [ "$pcw_text" != "user=$2" ] || return 0; done <"$pcw_file"
    done
    [ ! -e "$pcw_accounts/$2/use" ] || pcw_left_behind=$(pcw_account_compare "$1" "$2")
    [ -z "${pcw_left_behind:-}" ] || (umask 077; printf '%s\n' "$pcw_left_behind" >"$pcw_accounts/$1.left")
    pcw_unneeded=$pcw_accounts/$2
}

pcw_account_compare() {
    read -r pcw_use <"$pcw_accounts/$2/use"
    pcw_before=
    while IFS= read -r pcw_text; do pcw_before="$pcw_before${pcw_before:+
}$pcw_text"; done <"$pcw_accounts/$2/state"
    pcw_account_entry "$2"
    [ "$pcw_use" != own ] || pcw_account_end "$2"
    pcw_after=$(pcw_account_state "$2")
    {
        [ "$pcw_before" = "$pcw_after" ] || pcw_account_files "$1" "$2"
        # Nobody was here: nothing is looked for that takes long.
        if [ -n "${pcw_known:-}" ]; then
            pcw_account_privileged "$1" "$2"
            [ "$pcw_use" = own ] || pcw_account_running "$1" "$2"
        fi
    } | tr -d '\000-\010\013-\037\177' | head -n 100
}

# pcw_account_files ID USER: what is in one list and not, or otherwise, in the other.
pcw_account_files() {
    printf '%s\n' "$pcw_after" | while IFS= read -r pcw_text; do
        case "
$pcw_before
" in *"
$pcw_text
"*) continue ;; esac
        pcw_account_differs "$1" "$2" "${pcw_text#* * * * }" 'new or changed'
    done
    printf '%s\n' "$pcw_before" | while IFS= read -r pcw_text; do
        case "$pcw_after
" in *" ${pcw_text#* * * * }
"*) continue ;; esac
        pcw_account_differs "$1" "$2" "${pcw_text#* * * * }" removed
    done
}

# pcw_account_differs ID USER FILE HOW: a timetable and lingering are put back where nobody else uses the account.
pcw_account_differs() {
    [ -n "$3" ] || return 0
    pcw_how=$4
    if [ "$pcw_use" = own ]; then
        case $3 in
            "$pcw_linger"/*)
                if [ "$4" = removed ]; then
                    loginctl enable-linger "$2" 2>/dev/null && pcw_how='put back'
                else
                    loginctl disable-linger "$2" 2>/dev/null
                    rm -f "$3"
                    pcw_how='taken away'
                fi
                ;;
            "$pcw_spool"/cron/crontabs/* | "$pcw_spool/cron/$2")
                if [ -f "$pcw_accounts/$2/crontab" ]; then
                    crontab -u "$2" "$pcw_accounts/$2/crontab" && pcw_how='put back'
                else
                    crontab -u "$2" -r && pcw_how='taken away'
                fi
                ;;
            # A job that is gone may have come to its time.
            "$pcw_spool"/*) [ "$4" = removed ] || { rm -f "$3"; pcw_how='taken away'; } ;;
        esac
    fi
    pcw_account_tell "$1" "$2" "$3: $pcw_how"
}

pcw_account_tell() {
    printf '%s\n' "$3"
    logger -t portcullis "window $1, account $2: $3" 2>/dev/null
}

# pcw_account_privileged ID USER: programs that run with their owner's rights, whoever starts them, where the account may have put
# them since its first window. A file's last change cannot be set by its owner.
pcw_account_privileged() {
    pcw_first=$(stat -c %Y "$pcw_accounts/$2/use") || return 0
    # A large home folder is not searched for ever.
    timeout 10 find /tmp /var/tmp /dev/shm "$pcw_folder" -xdev -type f '(' -perm -4000 -o -perm -2000 ')' -exec stat -c '%Z %U %n' {} + 2>/dev/null |
        while IFS= read -r pcw_text; do
            [ "${pcw_text%% *}" -ge "$pcw_first" ] || continue
            pcw_text=${pcw_text#* }
            pcw_account_tell "$1" "$2" "${pcw_text#* }: runs with the rights of ${pcw_text%% *}, whoever starts it"
        done
}

# pcw_account_running ID USER: what began since the account's first window and still runs in its name outside of any session: given to
# its service manager, to cron or to `at`. Others use the account: it is told, and left to them.
pcw_account_running() {
    read -r pcw_boot_then pcw_since <"$pcw_accounts/$2/since" && read -r pcw_text </proc/sys/kernel/random/boot_id &&
        [ "$pcw_text" = "$pcw_boot_then" ] || return 0
    [ "${pcw_uid:-0}" -gt 0 ] || return 0
    for pcw_pid in $(pcw_account_processes); do
        [ "$(pcw_began "$pcw_pid")" -ge "$pcw_since" ] 2>/dev/null || continue
        case $(cat "/proc/$pcw_pid/cgroup" 2>/dev/null) in
            */session-*.scope* | */init.scope* | */ssh*.service*) continue ;;
        esac
        pcw_text=$(tr '\000\n\t' '   ' <"/proc/$pcw_pid/cmdline" 2>/dev/null | cut -c 1-80)
        pcw_account_tell "$1" "$2" "process $pcw_pid (${pcw_text% }): began in a window, and still runs"
    done
}

# pcw_account_end USER: what still runs as an account that only windows use; the machine's own services are none of it.
pcw_account_end() {
    [ "${pcw_uid:-0}" -gt 0 ] || return 0
    pcw_found=$(pcw_account_processes)
    [ -n "$pcw_found" ] || return 0
    if pcw_has_systemd; then
        systemctl stop "user@$pcw_uid.service" 2>/dev/null
        systemctl kill --signal=KILL "user-$pcw_uid.slice" 2>/dev/null
    fi
    pcw_found=$(pcw_account_processes)
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$pcw_found" ] || { kill -s STOP $pcw_found; kill -s KILL $pcw_found; } 2>/dev/null
}

pcw_account_processes() {
    grep -l "^Uid:[^0-9]*${pcw_uid}[^0-9]" /proc/[0-9]*/status 2>/dev/null | while IFS=/ read -r pcw_text pcw_text pcw_pid pcw_rest; do
        case $(cat "/proc/$pcw_pid/cgroup" 2>/dev/null) in
            *"/user-$pcw_uid.slice/"* | */cron.service* | */crond.service* | */atd.service* | */ssh*.service*) printf '%s ' "$pcw_pid" ;;
            */system.slice/*) ;;
            *) pcw_has_systemd || printf '%s ' "$pcw_pid" ;;
        esac
    done
}

# pcw_account_left ID: tells what differed, once.
pcw_account_left() {
    [ -f "$pcw_accounts/$1.left" ] || return 0
    while IFS= read -r pcw_text; do pcw_say left "$1" "$pcw_text"; done <"$pcw_accounts/$1.left"
    rm -f "$pcw_accounts/$1.left"
    rmdir "$pcw_accounts" 2>/dev/null || :
}
