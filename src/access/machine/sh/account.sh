# shellcheck shell=sh disable=SC2154,SC2034 # names of closer.sh, whose text follows this
# What a window's account could leave behind beside its sessions: keys, start-up files, timetables, services of its own.
# How it stood before its first window is kept here; at the end of its last one what differs is told, and where only windows
# use the account what would run later is ended and taken away.

pcw_accounts=${pcw_accounts:-/var/lib/portcullis/accounts}
pcw_linger=${pcw_linger:-/var/lib/systemd/linger}
pcw_spool=${pcw_spool:-/var/spool}

# pcw_account_state USER: a line for each file that lets in or runs something in the account's name: owner, inode, size, time of
# its last change, name. Contents are not read: they may have no end, and that time cannot be set by their owner.
pcw_account_state() {
    pcw_entry=$(getent passwd "$1" 2>/dev/null || grep "^$1:" /etc/passwd)
    pcw_folder=${pcw_entry%:*}
    pcw_folder=${pcw_folder##*:}
    pcw_text=${pcw_entry#*:*:}
    pcw_uid=${pcw_text%%:*}
    (
        cd "${pcw_folder:-/nonexistent}" 2>/dev/null && set -- "$1" .ssh/authorized_keys .ssh/authorized_keys2 .ssh/rc .ssh/environment \
            .pam_environment .profile .bash_profile .bash_login .bashrc .bash_logout .zshenv .zprofile .zshrc .zlogin .cshrc .tcshrc \
            .login .kshrc .config/fish/config.fish .config/environment.d/* .config/systemd/user/* .config/systemd/user/*/* \
            .local/share/systemd/user/*
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

# pcw_account_before ID USER USE: USE is `own` where only windows use the account, else `shared`, or `forwards` where nobody gets
# a session. The first window's word stands until the last one's end.
pcw_account_before() {
    [ "$3" != forwards ] && [ ! -d "$pcw_accounts/$2" ] || return 0
    mkdir -p "$pcw_accounts" && chmod 0700 "$pcw_accounts" && rm -rf "$pcw_accounts/$2.new" && mkdir "$pcw_accounts/$2.new" || return 1
    pcw_account_state "$2" >"$pcw_accounts/$2.new/state" && printf '%s\n' "$3" >"$pcw_accounts/$2.new/use" || return 1
    for pcw_file in "$pcw_spool/cron/crontabs/$2" "$pcw_spool/cron/$2"; do
        [ ! -f "$pcw_file" ] || crontab -u "$2" -l >"$pcw_accounts/$2.new/crontab" || return 1
    done
    mv "$pcw_accounts/$2.new" "$pcw_accounts/$2"
}

# pcw_account_after ID USER: where no other window has the account, what differs is kept for the operator, in
# `$pcw_accounts/ID.left`.
pcw_account_after() {
    [ -n "${2:-}" ] && [ -d "$pcw_accounts/$2" ] || return 0
    for pcw_file in "$pcw_home"/*/window; do
        case $pcw_file in "$pcw_home/$1/window") continue ;; esac
        [ -f "$pcw_file" ] || continue
        while IFS= read -r pcw_text; do [ "$pcw_text" != "user=$2" ] || return 0; done <"$pcw_file"
    done
    pcw_account_compare "$1" "$2" >"$pcw_accounts/$1.left"
    [ -s "$pcw_accounts/$1.left" ] || rm -f "$pcw_accounts/$1.left"
    rm -rf "${pcw_accounts:?}/$2"
    rmdir "$pcw_accounts" 2>/dev/null || :
}

pcw_account_compare() {
    pcw_use=$(cat "$pcw_accounts/$2/use")
    pcw_before=$(cat "$pcw_accounts/$2/state")
    [ "$pcw_use" != own ] || pcw_account_end "$2"
    pcw_after=$(pcw_account_state "$2")
    [ "$pcw_before" != "$pcw_after" ] || return 0
    printf '%s\n' "$pcw_after" | while IFS= read -r pcw_text; do
        case "
$pcw_before
" in *"
$pcw_text
"*) continue ;; esac
        pcw_account_differs "$1" "$2" "${pcw_text#* * * * }"
    done | tr -d '\000-\010\013-\037\177' | head -n 100
}

# pcw_account_differs ID USER FILE
pcw_account_differs() {
    [ -n "$3" ] || return 0
    pcw_how='new or changed'
    if [ "$pcw_use" = own ]; then
        case $3 in
            "$pcw_linger"/*) loginctl disable-linger "$2" 2>/dev/null; rm -f "$3"; pcw_how='taken away' ;;
            "$pcw_spool"/cron/crontabs/* | "$pcw_spool/cron/$2")
                if [ -f "$pcw_accounts/$2/crontab" ]; then
                    crontab -u "$2" "$pcw_accounts/$2/crontab" && pcw_how='put back'
                else
                    crontab -u "$2" -r && pcw_how='taken away'
                fi
                ;;
            "$pcw_spool"/*) rm -f "$3"; pcw_how='taken away' ;;
        esac
    fi
    printf '%s: %s\n' "$3" "$pcw_how"
    logger -t portcullis "window $1, account $2: $3: $pcw_how" 2>/dev/null
}

# pcw_account_end USER: what still runs as an account that only windows use; the machine's own services are none of it.
pcw_account_end() {
    pcw_uid=$(id -u "$1") && [ "$pcw_uid" -gt 0 ] || return 0
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
