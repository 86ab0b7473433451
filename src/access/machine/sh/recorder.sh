# shellcheck shell=sh disable=SC2154,SC2217 # PCR_… come from the environment of the first stage
# Runs one session of a window and records what it shows. All of it but the session itself is root's, and out of the reach
# of the window's account; what is typed is never kept.
#   recorder          sshd's forced command for the window (through sudo, where the account is not root)
#   recorder shown    called by script(1) on the recording's own terminal: a session with a terminal
#   recorder piped    the same for one without: its streams pass by, and are shown to the recording
# Ends with the session's status. Whatever cannot be recorded is refused.

LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
pcr_umask=$(umask)
umask 077
pcr_self=$0
pcr_here=${0%/*}
pcr_id=${pcr_here##*/}
pcr_store=${pcr_store:-/var/lib/portcullis/recordings}
pcr_reserve=16384

pcr_tell() {
    printf '\nwindow %s: %s\n' "$pcr_id" "$1" >&2
    logger -t portcullis "window $pcr_id: $1" 2>/dev/null || :
}

pcr_refuse() {
    pcr_tell "this session is refused: $1"
    exit 254
}

# pcr_free: KiB that the recordings' disk has left.
pcr_free() { df -Pk "$pcr_store" 2>/dev/null | tail -n 1 | sed 's/^[^ ]*  *[0-9]*  *[0-9]*  *\([0-9]*\) .*$/\1/'; }

# The caller's environment, as sshd made it: each variable a quoted word, so that a shell without rights can take it up.
pcr_environment() { tr '\0\n' '\n\1' <"/proc/$PPID/environ" | sed "s/'/'\\\\''/g; s/^/'/; s/\$/'/" | tr '\1\n' '\n '; }

# pcr_of NAME: a variable of it, in one line.
pcr_of() { tr '\0\n' '\n\1' <"/proc/$PPID/environ" | sed -n "s/^$1=//p" | tail -n 1; }

pcr_first() {
    pcr_user='' pcr_limit='' pcr_total=''
    while IFS='=' read -r pcr_key pcr_value; do
        case $pcr_key in user) pcr_user=$pcr_value ;; limit) pcr_limit=$pcr_value ;; total) pcr_total=$pcr_value ;; esac
    done <"$pcr_here/recording" 2>/dev/null
    [ -n "$pcr_user$pcr_limit" ] || pcr_refuse 'it is over'
    pcr_folder=$pcr_store/$pcr_id
    mkdir -p "$pcr_folder" || pcr_refuse 'it cannot be recorded: there is no folder for it'
    pcr_kib=$(($(pcr_free) - pcr_limit / 1024))
    [ "$pcr_kib" -ge "$pcr_reserve" ] || pcr_refuse "it cannot be recorded: the disk of this machine is full"
    pcr_used=$(du -sk "$pcr_folder" | sed 's/[^0-9].*$//')
    [ "$pcr_used" -lt "$((pcr_total / 1024))" ] || pcr_refuse "the recordings of this window have reached their limit"
    pcr_base=$pcr_folder/$(date -u +%Y%m%dT%H%M%SZ)-$$
    pcr_kind
    # The window ends what it finds by this, wherever it has gone.
    SSH_CLIENT=$(pcr_of SSH_CLIENT) PCR_ENVIRONMENT=$(pcr_environment) PCR_USER=$pcr_user PCR_KIND=$pcr_kind PCR_UMASK=$pcr_umask PCR_BASE=$pcr_base SHELL=/bin/sh
    export PCR_BASE SSH_CLIENT PCR_ENVIRONMENT PCR_USER PCR_KIND PCR_UMASK SHELL
    pcr_about >"$pcr_base.about" || pcr_refuse 'it cannot be recorded'
    pcr_record
}

# What sshd was asked for.
pcr_kind() {
    pcr_command=$(pcr_of SSH_ORIGINAL_COMMAND)
    case $pcr_command in
        '') pcr_kind=shell ;;
        internal-sftp* | */sftp-server | */sftp-server\ *) pcr_kind=sftp ;;
        scp\ *) pcr_kind=scp ;;
        *) pcr_kind='command' ;;
    esac
    [ ! -t 0 ] || [ "$pcr_kind" != sftp ] || pcr_kind='command'
    [ "$pcr_kind" != sftp ] || {
        for PCR_SFTP in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/libexec/sftp-server /usr/lib/ssh/sftp-server; do
            [ ! -x "$PCR_SFTP" ] || break
        done
        [ -x "$PCR_SFTP" ] || pcr_refuse 'sftp cannot be recorded here: there is no sftp-server'
        export PCR_SFTP
    }
}

pcr_about() {
    printf 'start=%s\nuser=%s\nkind=%s\nconnection=%s\n' "$(date +%s.%N)" "$pcr_user" "$pcr_kind" "$(pcr_of SSH_CONNECTION)"
    printf 'command=%s\n' "$(printf '%s' "$pcr_command" | tr '\1' '\n' | base64 | tr -d '\n')"
    [ ! -t 0 ] || printf 'terminal=%s\nsize=%s\n' "$(pcr_of TERM)" "$(stty size <&0 2>/dev/null)"
}

# In the foreground: what a shell puts into the background no longer hears an interrupt.
pcr_record() {
    pcr_gone=
    trap 'pcr_gone=yes' HUP
    trap : INT TERM QUIT PIPE
    pcr_stage=piped
    [ ! -t 0 ] || pcr_stage=shown
    pcr_watch </dev/null >/dev/null 2>&1 &
    pcr_watcher=$!
    set -- -q -e -f -E auto -o "$pcr_limit" -m advanced -O "$pcr_base.shown" -T "$pcr_base.timing" -c "exec /bin/sh $pcr_self $pcr_stage"
    if [ "$pcr_stage" = shown ]; then
        TERM=$(pcr_of TERM) /bin/sh -c 'echo "$$" >"$PCR_BASE.pid" && exec script "$@"' recorder "$@"
    else
        /bin/sh -c 'echo "$$" >"$PCR_BASE.pid" && exec script "$@"' recorder "$@" 3<&0 4>&1 5>&2 </dev/null >/dev/null 2>&1
    fi
    pcr_status=$?
    pcr_note=
    case $(tail -c 200 "$pcr_base.shown" 2>/dev/null | tail -n 1) in
        'Script done on '*'max output size exceeded'*) pcr_note=limit ;;
        'Script done on '*) ;;
        *) [ -n "$pcr_gone" ] || pcr_note=none ;;
    esac
    [ ! -e "$pcr_base.full" ] || pcr_note=full
    [ -z "$pcr_note" ] || pcr_end_session
    kill "$pcr_watcher" 2>/dev/null
    [ ! -s "$pcr_base.holder" ] || kill -s KILL "$(cat "$pcr_base.holder")" 2>/dev/null
    rm -rf "$pcr_base.holder" "$pcr_base.full" "$pcr_base.pid" "$pcr_base.child" "$pcr_base.pipes"
    printf 'end=%s\nstatus=%s\nnote=%s\n' "$(date +%s.%N)" "$pcr_status" "$pcr_note" >>"$pcr_base.about"
    case $pcr_note in
        limit) pcr_refuse_rest "its recording reached $((pcr_limit / 1048576)) MiB" ;;
        full) pcr_refuse_rest 'the disk has no room left for its recording' ;;
        none) pcr_refuse_rest 'it could not be recorded' ;;
    esac
    exit "$pcr_status"
}

# pcr_ancestors PID: those that wait for the session's status.
pcr_ancestors() {
    while [ "${1:-0}" -gt 1 ]; do
        printf '%s ' "$1"
        set -- "$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$1/status" 2>/dev/null)"
    done
}

# What the recording was of ends with it, also what would not hear that its terminal is gone.
pcr_end_session() {
    pcr_uid=$(id -u "$pcr_user")
    pcr_above=" $(pcr_ancestors "$$")"
    pcr_left=$(grep -lF "SSH_CLIENT=$SSH_CLIENT" /proc/[0-9]*/environ 2>/dev/null | while read -r pcr_file; do
        pcr_file=${pcr_file%/environ}
        case $pcr_above in *" ${pcr_file#/proc/} "*) continue ;; esac
        case "$(cat "$pcr_file/comm" 2>/dev/null)/$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*$/\1/p' "$pcr_file/status" 2>/dev/null)" in
            sshd*) ;;
            */"$pcr_uid") [ "$pcr_uid" = 0 ] || printf '%s ' "${pcr_file#/proc/}" ;;
        esac
    done)
    [ ! -s "$pcr_base.child" ] || pcr_left="$pcr_left -$(cat "$pcr_base.child")"
    [ -n "$pcr_left" ] || return 0
    # shellcheck disable=SC2086 # a list of numbers
    kill -s STOP -- $pcr_left 2>/dev/null
    # shellcheck disable=SC2086 # a list of numbers
    kill -s KILL -- $pcr_left 2>/dev/null
}

pcr_refuse_rest() {
    pcr_tell "this session was ended: $1"
    exit 254
}

# script(1) goes on without recording where the disk is full.
pcr_watch() {
    while sleep 1; do
        pcr_script=$(cat "$pcr_base.pid" 2>/dev/null)
        [ -d "/proc/${pcr_script:-none}" ] || continue
        [ "$(pcr_free)" -lt "$((pcr_reserve / 2))" ] || continue
        : >"$pcr_base.full"
        kill -s TERM "$pcr_script"
        return
    done
}

# pcr_session TERMINAL: the session itself, without rights, in its own environment.
pcr_session() {
    pcr_entry=$(getent passwd "$PCR_USER" 2>/dev/null || grep "^$PCR_USER:" /etc/passwd)
    PCR_SHELL=${pcr_entry##*:} PCR_TERMINAL=$1 PCR_HOME=${pcr_entry%:*}
    PCR_HOME=${PCR_HOME##*:}
    [ -n "$PCR_SHELL" ] || PCR_SHELL=/bin/sh
    export PCR_SHELL PCR_TERMINAL PCR_HOME
    # shellcheck disable=SC2016 # the words are those of the shell that is started
    exec setpriv --reuid="$(id -u "$PCR_USER")" --regid="$(id -g "$PCR_USER")" --init-groups -- /bin/sh -c '
        umask "$PCR_UMASK"
        eval "set -- $PCR_ENVIRONMENT"
        left=$# command=
        while [ "$left" -gt 0 ]; do
            case $1 in
                SSH_ORIGINAL_COMMAND=*) command=${1#*=} ;;
                SSH_TTY=*) ;;
                # What sshd was told to set, so that nothing of the account is run before this.
                HOME=/nonexistent) set -- "$@" "HOME=$PCR_HOME" ;;
                SHLVL=* | *=/nonexistent | BASH_ENV=/dev/null | ENV=/dev/null | LD_*=) ;;
                *) set -- "$@" "$1" ;;
            esac
            shift
            left=$((left - 1))
        done
        [ -z "$PCR_TERMINAL" ] || set -- "$@" "SSH_TTY=$PCR_TERMINAL"
        case $PCR_KIND in
            shell) exec env -i "$@" "$PCR_SHELL" -l ;;
            sftp) exec env -i "$@" "$PCR_SFTP" -e -l INFO ;;
            scp) exec env -i "$@" "$PCR_SHELL" -c "scp -v ${command#scp }" ;;
            *) exec env -i "$@" "$PCR_SHELL" -c "$command" ;;
        esac'
}

pcr_shown() {
    pcr_terminal=$(tty) || exit 254
    chown "$PCR_USER" "$pcr_terminal" && chmod 0620 "$pcr_terminal"
    pcr_session "$pcr_terminal"
}

pcr_piped() {
    stty -opost -echo 2>/dev/null
    mkdir "$PCR_BASE.pipes" && mkfifo "$PCR_BASE.pipes/out" "$PCR_BASE.pipes/err" || exit 254
    case $PCR_KIND in
        sftp) cat <"$PCR_BASE.pipes/err" 3<&- 4>&- 5>&- & ;;
        scp) tee /dev/tty <"$PCR_BASE.pipes/err" 3<&- 4>&- | sed -u '/^Executing: /d; /^Sink: /d; /^Sending file modes: /d; /^Entering directory: /d; /debug1: /d' >&5 3<&- 4>&- & ;;
        *) tee /dev/tty <"$PCR_BASE.pipes/err" >&5 3<&- 4>&- & ;;
    esac
    pcr_tees=$!
    case $PCR_KIND in
        # What these carry are files.
        sftp | scp) exec 6>&4 ;;
        *)
            tee /dev/tty <"$PCR_BASE.pipes/out" >&4 3<&- 5>&- &
            pcr_tees="$pcr_tees $!"
            exec 6>"$PCR_BASE.pipes/out"
            ;;
    esac
    # Holds what comes back when the recording ends: the session waits, rather than go on unseen, until it is ended.
    (trap "" HUP TERM && exec sleep 2147483647 <"$PCR_BASE.pipes/err" 7<"$PCR_BASE.pipes/out") 3<&- 4>&- 5>&- 6>&- &
    echo "$!" >"$PCR_BASE.holder"
    exec 4>&- 5>&-
    setsid /bin/sh "$pcr_self" inside <&3 >&6 2>"$PCR_BASE.pipes/err" 3<&- 6>&-
    pcr_status=$?
    exec 3<&- 6>&-
    # shellcheck disable=SC2086 # a list of numbers
    wait $pcr_tees
    kill -s KILL "$(cat "$PCR_BASE.holder")"
    exit "$pcr_status"
}

pcr_inside() {
    echo "$$" >"$PCR_BASE.child"
    pcr_session ''
}

case ${1:-} in
    '') pcr_first ;;
    shown) pcr_shown ;;
    piped) pcr_piped ;;
    inside) pcr_inside ;;
esac
