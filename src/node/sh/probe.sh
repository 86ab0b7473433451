# shellcheck shell=sh
# Looks at a machine and changes nothing. Lines of tab-separated fields; a file's content as base64.
# The calls that say what to look at follow this text; `pc_probe_end` ends them.

LC_ALL=C
export LC_ALL
pc_home=${pc_home:-/var/lib/portcullis}
pc_nl='
'

# How it stands, at the price of one program.
pc_standing() {
    (
        # shellcheck source=/dev/null
        . /etc/os-release 2>/dev/null
        printf 'os\t%s\t%s\n' "${ID:-unknown}" "${VERSION_ID:-}"
    )
    pc_init=other
    [ -d /run/systemd/system ] && pc_init=systemd
    pc_value=$(date +%s.%N)
    printf 'clock\t%s\nmoment\t%s\ninit\t%s\n' "${pc_value%%.*}" "$pc_value" "$pc_init"
    if [ -e /proc/net/if_inet6 ]; then printf 'ipv6\tyes\n'; else printf 'ipv6\tno\n'; fi
    read -r pc_value </proc/sys/kernel/random/boot_id && printf 'boot\t%s\n' "$pc_value"
}

# The programs that a look at files and a run are made of and that are not here. The shell knows, and starts none for it.
pc_lacking() {
    for pc_value in base64 cat cp dd flock ln mkdir mknod mv rm rmdir sha256sum stat sync tar; do
        command -v "$pc_value" >/dev/null 2>&1 || printf 'lacks\t%s\n' "$pc_value"
    done
}

# What it is made of, which checks want to know.
pc_hardware() {
    # Its name stands second, and has no blank in it.
    pc_value=$(uname -snrm)
    pc_rest=${pc_value#* }
    printf 'kernel\t%s %s\nhost\t%s\n' "${pc_value%% *}" "${pc_rest#* }" "${pc_rest%% *}"
    printf 'cores\t%s\n' "$(nproc 2>/dev/null || grep -c '^processor' /proc/cpuinfo)"
    while read -r pc_key pc_value pc_rest; do
        case $pc_key in MemTotal:) printf 'memory-kib\t%s\n' "$pc_value" ;; esac
    done </proc/meminfo
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
    if [ -e /run/portcullis.lock ] && ! flock -n 9 9</run/portcullis.lock 2>/dev/null; then
        pc_value=$(stat -c %Y /run/portcullis.owner 2>/dev/null) && pc_value=$(($(date +%s) - pc_value))
        printf 'lock\t%s\t%s\n' "$(tr '\t\n' '  ' </run/portcullis.owner 2>/dev/null)" "$pc_value"
    fi
}

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

# pc_look NUMBER PATH content|hash: a file's kind; of a regular one what pc_looked tells as well.
pc_numbers=
pc_paths=
pc_wanted=
pc_look() {
    if pc_leads_elsewhere "$2"; then
        if [ -e "$2" ] || [ -h "$2" ]; then pc_value=there; else pc_value=absent; fi
        printf 'file\t%s\tbehind\t%s\t%s\n' "$1" "$pc_value" "$pc_folder"
    elif [ -h "$2" ]; then
        printf 'file\t%s\tlink\n' "$1"
    elif [ -d "$2" ]; then
        printf 'file\t%s\tfolder\n' "$1"
    elif [ -f "$2" ]; then
        pc_numbers="$pc_numbers $1"
        pc_paths=$pc_paths$2$pc_nl
        [ "$3" != content ] || pc_wanted="$pc_wanted $1 "
    elif [ -e "$2" ]; then
        printf 'file\t%s\tspecial\n' "$1"
    else
        printf 'file\t%s\tabsent\n' "$1"
    fi
}

# pc_paths as arguments of a command; no path has a line break in it.
# shellcheck disable=SC2086 # split on purpose
pc_with_paths() {
    set -f
    IFS=$pc_nl
    set -- "$@" $pc_paths
    unset IFS
    set +f
    "$@"
}

# Mode, owner, group, size and hash of all files that pc_look has met, by one call of each program; then the contents that
# are wanted and small: their numbers, and all of them one after the other as base64. Whoever reads it knows their sizes and
# hashes.
pc_looked() {
    [ -n "$pc_paths" ] || return 0
    pc_all=$pc_paths
    if ! pc_stats=$(pc_with_paths stat -c '%a	%U	%G	%s' 2>/dev/null) || ! pc_sums=$(pc_with_paths sha256sum 2>/dev/null); then
        pc_look_at_each
        return
    fi
    pc_paths=
    pc_list=
    for pc_number in $pc_numbers; do
        pc_value=${pc_stats%%"$pc_nl"*}
        pc_sum=${pc_sums%%"$pc_nl"*}
        # A name that cannot be shown as it is has a backslash before its hash.
        pc_sum=${pc_sum#\\}
        pc_tell_file "$pc_number" "$pc_value" "${pc_sum%% *}" "${pc_all%%"$pc_nl"*}"
        pc_stats=${pc_stats#*"$pc_nl"}
        pc_sums=${pc_sums#*"$pc_nl"}
        pc_all=${pc_all#*"$pc_nl"}
    done
    pc_tell_contents
}

# The same where one of them cannot be read: each by itself, to say which, and why.
pc_look_at_each() {
    pc_paths=
    pc_list=
    for pc_number in $pc_numbers; do
        pc_path=${pc_all%%"$pc_nl"*}
        pc_all=${pc_all#*"$pc_nl"}
        if pc_value=$(stat -c '%a	%U	%G	%s' "$pc_path" 2>&1) && pc_sum=$(sha256sum <"$pc_path" 2>&1); then
            pc_tell_file "$pc_number" "$pc_value" "${pc_sum%% *}" "$pc_path"
        else
            printf 'file\t%s\tfailed\t%s\n' "$pc_number" "$(printf '%s' "$pc_value $pc_sum" | tr '\t\n' '  ')"
        fi
    done
    pc_tell_contents
}

# pc_tell_file NUMBER STAT HASH PATH
pc_tell_file() {
    printf 'file\t%s\tfile\t%s\t%s\n' "$1" "$2" "$3"
    case $pc_wanted in
        *" $1 "*)
            [ "${2##*	}" -gt 262144 ] || { pc_list="$pc_list	$1" && pc_paths=$pc_paths$4$pc_nl; }
            ;;
    esac
}

pc_tell_contents() {
    [ -n "$pc_paths" ] || return 0
    printf 'contents%s\n' "$pc_list"
    pc_with_paths cat 2>/dev/null | base64
    printf '.\n'
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
    # Of runs that are no longer kept, for files that none of those has changed since.
    while IFS='	' read -r pc_key pc_value; do
        printf 'pruned\t%s\t%s\n' "$pc_key" "$pc_value"
    done 2>/dev/null <"$pc_home/left"
    {
        cat "$pc_home"/runs/*/files/*/path
        while IFS='	' read -r pc_key pc_sum pc_path; do printf '%s\n' "$pc_path"; done <"$pc_home/left"
    } 2>/dev/null | sort -u | while IFS= read -r pc_path; do
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
