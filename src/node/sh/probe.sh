# shellcheck shell=sh
# Looks at a machine and changes nothing. Lines of tab-separated fields; a file's content as base64.
# The calls that say what to look at follow this text; `pc_probe_end` ends them.

LC_ALL=C
export LC_ALL
pc_home=${pc_home:-/var/lib/portcullis}

pc_machine() {
    (
        # shellcheck source=/dev/null
        . /etc/os-release 2>/dev/null
        printf 'os\t%s\t%s\n' "${ID:-unknown}" "${VERSION_ID:-}"
    )
    pc_init=other
    [ -d /run/systemd/system ] && pc_init=systemd
    printf 'kernel\t%s\n' "$(uname -srm)"
    printf 'host\t%s\n' "$(uname -n)"
    printf 'clock\t%s\n' "$(date +%s)"
    printf 'moment\t%s\n' "$(date +%s.%N)"
    printf 'cores\t%s\n' "$(nproc 2>/dev/null)"
    printf 'init\t%s\n' "$pc_init"
    if [ -e /proc/net/if_inet6 ]; then printf 'ipv6\tyes\n'; else printf 'ipv6\tno\n'; fi
    while read -r pc_key pc_value pc_rest; do
        case $pc_key in MemTotal:) printf 'memory-kib\t%s\n' "$pc_value" ;; esac
    done </proc/meminfo
    read -r pc_value </proc/sys/kernel/random/boot_id && printf 'boot\t%s\n' "$pc_value"
    # shellcheck disable=SC2034 # a field to skip
    df -Pk / /var/lib 2>/dev/null | while read -r pc_key pc_value pc_skip pc_free pc_rest; do
        case $pc_free in *[!0-9]* | '') ;; *) printf 'disk\t%s\t%s\t%s\n' "${pc_rest#* }" "$pc_value" "$pc_free" ;; esac
    done
}

# Every run kept on this machine, oldest first, with its state.
pc_runs() {
    for pc_dir in "$pc_home"/runs/*/; do
        [ -r "${pc_dir}state" ] || continue
        read -r pc_value <"${pc_dir}state" || continue
        pc_dir=${pc_dir%/}
        printf 'run\t%s\t%s\n' "${pc_dir##*/}" "$pc_value"
        if [ "$pc_value" = guarded ] && read -r pc_key pc_key pc_key pc_rest <"$pc_dir/guard"; then
            printf 'guarded\t%s\t%s\n' "${pc_dir##*/}" "$pc_rest"
        fi
    done
    if [ -e /run/portcullis.lock ] && ! flock -n /run/portcullis.lock true 2>/dev/null; then
        pc_value=$(stat -c %Y /run/portcullis.owner 2>/dev/null) && pc_value=$(($(date +%s) - pc_value))
        printf 'lock\t%s\t%s\n' "$(tr '\t\n' '  ' </run/portcullis.owner 2>/dev/null)" "$pc_value"
    fi
}

# In one line, as GNU and newer busybox do it by themselves.
if base64 -w 0 </dev/null >/dev/null 2>&1; then
    pc_base64() { base64 -w 0; }
else
    pc_base64() { base64 | tr -d '\n'; }
fi

# Whether a folder on the way to $1 is a symbolic link; leaves which in pc_folder. Folders of one file after the other are alike.
pc_leads_elsewhere() {
    pc_folder=${1%/*}
    [ "$pc_folder" != "${pc_straight:-}" ] || return 1
    pc_straight=$pc_folder
    while [ -n "$pc_folder" ]; do
        [ ! -h "$pc_folder" ] || { pc_straight=; return 0; }
        pc_folder=${pc_folder%/*}
    done
    return 1
}

# pc_look NUMBER PATH content|hash: a file's kind, mode, owner, group, size, hash, and content where it is wanted and small.
pc_look() {
    if pc_leads_elsewhere "$2"; then
        if [ -e "$2" ] || [ -h "$2" ]; then pc_value=there; else pc_value=absent; fi
        printf 'file\t%s\tbehind\t%s\t%s\n' "$1" "$pc_value" "$pc_folder"
    elif [ -h "$2" ]; then
        printf 'file\t%s\tlink\n' "$1"
    elif [ -d "$2" ]; then
        printf 'file\t%s\tfolder\n' "$1"
    elif [ -f "$2" ]; then
        if pc_value=$(stat -c '%a	%U	%G	%s' "$2" 2>&1) && pc_sum=$(sha256sum <"$2" 2>&1); then
            printf 'file\t%s\tfile\t%s\t%s\n' "$1" "$pc_value" "${pc_sum%% *}"
            if [ "$3" = content ] && [ "${pc_value##*	}" -le 262144 ]; then
                printf 'content\t%s\t' "$1"
                pc_base64 <"$2"
                printf '\n'
            fi
        else
            printf 'file\t%s\tfailed\t%s\n' "$1" "$(printf '%s' "$pc_value $pc_sum" | tr '\t\n' '  ')"
        fi
    elif [ -e "$2" ]; then
        printf 'file\t%s\tspecial\n' "$1"
    else
        printf 'file\t%s\tabsent\n' "$1"
    fi
}

# pc_services NAME…: whether each runs and starts by itself; they are numbered from 0.
pc_services() {
    pc_number=0
    pc_active=
    pc_enabled=
    # A block of lines for each, in the order given.
    { systemctl show --property=ActiveState --property=UnitFileState -- "$@" 2>/dev/null && echo; } | while IFS='=' read -r pc_key pc_value; do
        case $pc_key in
            ActiveState) pc_active=$pc_value ;;
            UnitFileState) pc_enabled=$pc_value ;;
            '')
                printf 'service\t%s\t%s\t%s\n' "$pc_number" "$pc_active" "$pc_enabled"
                pc_number=$((pc_number + 1))
                pc_enabled=
                ;;
        esac
    done
}

# pc_guard NUMBER COMMAND: a guard only looks; its exit status is the answer.
pc_guard() {
    sh -c "$2" >/dev/null 2>&1 </dev/null
    printf 'guard\t%s\t%s\n' "$1" "$?"
}

# pc_mail NUMBER QUEUE_ID: what became of a mail; waited for, since a mail service takes its time.
pc_mail() {
    pc_rest=0
    while :; do
        pc_value=$(
            {
                cat /var/log/mail.log /var/log/maillog 2>/dev/null | tail -n 2000
                journalctl -q --no-pager -o cat -n 2000 SYSLOG_FACILITY=2 2>/dev/null
            } | tr '\t' ' ' | sed -n "s/^.*$2: to=.* status=\([a-z][a-z]*\) (\(.*\))\$/\1	\2/p" | tail -n 1
        )
        if [ -n "$pc_value" ] || [ "$pc_rest" -ge 30 ]; then break; fi
        pc_rest=$((pc_rest + 1))
        sleep 0.5 2>/dev/null || sleep 1
    done
    printf 'mail\t%s\t%s\n' "$1" "${pc_value:-	}"
}

# What each run that is done left behind: files with their hashes (`-`: taken away) and what was done besides; then how
# these files are now. Names hold neither tabs nor line breaks.
pc_journal() {
    for pc_dir in "$pc_home"/runs/*/; do
        pc_value=
        [ ! -r "${pc_dir}state" ] || read -r pc_value <"${pc_dir}state"
        [ "$pc_value" = 'done' ] || continue
        pc_dir=${pc_dir%/}
        for pc_n in "$pc_dir"/files/*/; do
            { IFS= read -r pc_path <"${pc_n}path"; } 2>/dev/null || continue
            pc_sum=-
            [ ! -r "${pc_n}sum" ] || read -r pc_sum <"${pc_n}sum"
            printf 'left\t%s\t%s\t%s\n' "${pc_dir##*/}" "$pc_sum" "$pc_path"
        done
        while IFS='	' read -r pc_key pc_kind pc_value; do
            printf 'did\t%s\t%s\t%s\t%s\n' "${pc_dir##*/}" "$pc_key" "$pc_kind" "$pc_value"
        done 2>/dev/null <"$pc_dir/actions"
    done
    cat "$pc_home"/runs/*/files/*/path 2>/dev/null | sort -u | while IFS= read -r pc_path; do
        pc_sum=-
        if pc_leads_elsewhere "$pc_path" || [ -h "$pc_path" ]; then
            pc_sum='link'
        elif [ -e "$pc_path" ]; then
            pc_sum=$({ sha256sum <"$pc_path"; } 2>/dev/null)
            pc_sum=${pc_sum%% *}
        fi
        printf 'now\t%s\t%s\n' "${pc_sum:-unreadable}" "$pc_path"
    done
}

pc_probe_end() {
    printf 'end\n'
}
