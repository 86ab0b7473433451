# shellcheck shell=sh
# One run on one machine, as a transaction: receive, check, validate, keep, swap by rename, reload, probe
# health; any failure puts the old files back. Calls follow this text; `pc_run`, the run's id, and `pc_owner`,
# who holds the lock, are set before it. Fields that a `read` has to skip are named `pc_skip`.
#
# On disk, below $pc_home/runs/RUN/:  state                 staging, committing, guarded, done, undone, rolled-back, reverted
#   files/N/path, meta, new, old      target, "mode owner group", staged file, what was there (or `absent`)
#   actions                           what to run after files changed, and again after they were put back
#
# Answers on standard output, tab-separated: `step ID STATE DETAIL`, last `result OUTCOME REASON`.

LC_ALL=C
export LC_ALL
umask 077
# The machine finishes what it accepted, whether or not the client is still there to hear of it.
trap : HUP PIPE INT TERM
pc_home=${pc_home:-/var/lib/portcullis}
pc_volatile=${pc_volatile:-/run}
pc_dir=$pc_home/runs/${pc_run:?}
pc_failure=
pc_failed_step=
pc_is_valid=no

pc_say() {
    pc_words=${4:-}
    case $pc_words in *[!\ -~]*) pc_words=$(printf '%s' "$pc_words" | tail -n 20 | tr '\t\n' ' \036') ;; esac
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$pc_words" 2>/dev/null
}
# A name is on the disk once its folder is, not before.
pc_sync() { sync "$@" 2>/dev/null || sync; }
pc_sync_folder() { pc_folder=${1%/*}; [ ! -d "${pc_folder:-/}" ] || pc_sync "${pc_folder:-/}"; }
# pc_set_state DIR STATE: where the disk is full, what this run needs no longer makes room for it.
pc_set_state() {
    pc_write_state "$@" && return
    [ "$2" = committing ] || rm -rf "$1"/files/*/new "$1/sums"
    rm -rf "$1/view"
    pc_write_state "$@" || { rm -f "$1/state.new"; return 1; }
}
pc_write_state() { printf '%s\n' "$2" >"$1/state.new" && pc_sync "$1/state.new" && mv -f "$1/state.new" "$1/state" && pc_sync "$1"; }
pc_end_with() { pc_say result "$1" "$pc_failed_step" "$2"; exit "$3"; }
# The first failure counts; what follows from it is noise.
pc_fail() { [ -n "$pc_failure" ] || { pc_failure=${2:-it ended without a word}; pc_failed_step=$1; }; }
pc_read() { IFS= read -r pc_text <"$1"; }

# pc_begin N…: a run that has these files.
pc_begin() {
    pc_lock
    # What is kept of it must not be lost.
    [ ! -e "$pc_dir" ] || pc_end_with refused "run $pc_run has ended here already" 1
    for pc_n do
        set -- "$@" "$pc_dir/files/$pc_n"
        shift
    done
    # What is still being staged is forgotten by the next run, whether or not the disk heard of it.
    pc_out=$({ mkdir "$pc_dir" "$pc_dir/files" "$@" && : >"$pc_dir/actions" && : >"$pc_dir/validations" && echo staging >"$pc_dir/state"; } 2>&1) || {
        rm -rf "$pc_dir"
        pc_end_with failed "$pc_out" 1
    }
}

# pc_file N STEP PATH MODE OWNER:GROUP SIZE SHA256 EXPECTED: takes SIZE bytes from standard input.
pc_file() {
    if ! pc_stage "$1" "$2" "$3" "$4 $5" || ! pc_take "$6" >"$pc_dir/files/$1/new"; then
        pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"
    fi
    [ -n "$pc_failure" ] || pc_note_sum "$1" "$7" || pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"
    pc_expect "$2" "$3" "$8"
}

# pc_keep N STEP PATH MODE OWNER:GROUP SHA256: the content stays as it is, mode and owner change.
pc_keep() {
    pc_expect "$2" "$3" "$6"
    [ -z "$pc_failure" ] || return 0
    if ! pc_stage "$1" "$2" "$3" "$4 $5" || ! cp "$3" "$pc_dir/files/$1/new"; then
        pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"
    fi
    [ -n "$pc_failure" ] || pc_note_sum "$1" "$6" || pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"
}

# pc_note_sum N SHA256
pc_note_sum() { printf '%s  %s\n' "$2" "$pc_dir/files/$1/new" >>"$pc_dir/sums" && printf '%s\n' "$2" >"$pc_dir/files/$1/sum"; }

# pc_remove N STEP PATH EXPECTED: PATH is to be gone.
pc_remove() {
    pc_stage "$1" "$2" "$3" '- -' || pc_fail "$2" "cannot stage below $pc_home: $(pc_room)"
    [ "$4" = link ] || pc_expect "$2" "$3" "$4"
}

# shellcheck disable=SC2034 # fields to skip
pc_room() {
    df -Pk "$pc_home" 2>&1 | { read -r pc_skip && read -r pc_skip pc_skip pc_skip pc_free pc_skip && printf '%s KiB free there' "$pc_free"; }
    df -Pi "$pc_home" 2>/dev/null | { read -r pc_skip && read -r pc_skip pc_skip pc_skip pc_free pc_skip && [ "$pc_free" = 0 ] && printf ', and no inode'; }
}

# pc_stage N STEP PATH "MODE OWNER"
pc_stage() {
    ! pc_leads_elsewhere "$3" || { pc_fail "$2" "$pc_folder, on the way to $3, is a symbolic link; it is not followed"; return 0; }
    printf '%s\n' "$3" >"$pc_dir/files/$1/path" && printf '%s %s\n' "$4" "$2" >"$pc_dir/files/$1/meta"
}

pc_leads_elsewhere() {
    pc_folder=${1%/*}
    while [ -n "$pc_folder" ]; do
        [ ! -h "$pc_folder" ] || return 0
        pc_folder=${pc_folder%/*}
    done
    return 1
}

# Exactly $1 bytes of standard input; dd never reads past them, and does not keep the lock when its shell is ended.
pc_take() {
    [ "$1" -lt 65536 ] || dd bs=65536 count="$(($1 / 65536))" iflag=fullblock 2>/dev/null 9>&- || return 1
    [ "$(($1 % 65536))" -eq 0 ] || dd bs="$(($1 % 65536))" count=1 iflag=fullblock 2>/dev/null 9>&-
}

# What the plan saw must still be there: `absent`, a hash, or `any`.
pc_expect() {
    [ -z "$pc_failure" ] || return 0
    if [ -h "$2" ]; then
        pc_fail "$1" "$2 is a symbolic link; it is not followed"
    elif [ -e "$2" ] && [ ! -f "$2" ]; then
        pc_fail "$1" "$2 is not a regular file"
    else
        case $3 in
            any) ;;
            absent) [ ! -e "$2" ] || pc_fail "$1" "$2 appeared since the plan was made" ;;
            *)
                pc_sum=$({ sha256sum <"$2"; } 2>/dev/null)
                [ "${pc_sum%% *}" = "$3" ] || pc_fail "$1" "$2 was changed since the plan was made"
                ;;
        esac
    fi
}

# pc_validate STEP COMMAND: has to succeed before anything is reloaded.
pc_validate() { printf '%s\t%s\n' "$1" "$2" >>"$pc_dir/validations" || pc_fail "$1" "cannot stage below $pc_home: $(pc_room)"; }
# pc_action STEP KIND VALUE: what to do once the files are in place.
pc_action() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$pc_dir/actions" || pc_fail "$1" "cannot stage below $pc_home: $(pc_room)"; }

pc_apply() {
    if [ -z "$pc_failure" ] && [ -e "$pc_dir/sums" ]; then
        pc_out=$(sha256sum -c "$pc_dir/sums" 2>&1) || pc_fail stage "what arrived is not what was sent: $pc_out"
    fi
    [ -n "$pc_failure" ] || pc_dress
    [ -n "$pc_failure" ] || pc_say step stage 'done'
    [ -n "$pc_failure" ] || pc_validate_view
    [ -n "$pc_failure" ] || pc_prepare
    [ -n "$pc_failure" ] || [ -z "${pc_guard_time:-}" ] || pc_arm
    [ -n "$pc_failure" ] || pc_set_state "$pc_dir" committing || pc_fail stage "cannot begin, since that cannot be noted below $pc_home: $(pc_room)"
    if [ -n "$pc_failure" ]; then
        pc_disarm "$pc_dir"
        pc_clear_beside "$pc_dir"
        rm -rf "$pc_dir"
        pc_end_with failed "$pc_failure" 1
    fi
    pc_swap
    [ -n "$pc_failure" ] || [ "$pc_is_valid" = yes ] || pc_validations 'pc_plain'
    [ -n "$pc_failure" ] || pc_actions "$pc_dir" once
    # What is not noted, the next run would undo.
    if [ -n "${pc_guard_time:-}" ]; then pc_end=guarded; else pc_end='done'; fi
    [ -n "$pc_failure" ] || pc_set_state "$pc_dir" "$pc_end" || pc_fail commit "that it is done cannot be noted below $pc_home: $(pc_room)"
    if [ -n "$pc_failure" ]; then
        pc_say step undo started
        pc_undo "$pc_dir"
        [ -z "$pc_undo_trouble" ] || pc_end_with broken "$pc_failure; and not everything could be put back: $pc_undo_trouble" 1
        pc_end_with undone "$pc_failure" 1
    fi
    if [ "$pc_end" = guarded ]; then
        # shellcheck disable=SC2034 # fields to skip
        read -r pc_skip pc_skip pc_its_end pc_until_when <"$pc_dir/guard"
        pc_end_with guarded "$((pc_its_end - $(pc_uptime))) $pc_until_when" 0
    fi
    pc_tidy "$pc_dir"
    pc_prune
    pc_end_with 'done' '' 0
}

# Gives the staged files their modes and owners; they were made as 0600 root:root. Those that are alike at once.
pc_dress() {
    pc_kinds=
    for pc_n in "$pc_dir"/files/*/; do
        [ -e "${pc_n}new" ] || continue
        read -r pc_mode pc_own pc_step <"${pc_n}meta"
        case " $pc_kinds 0600/root:root " in *" $pc_mode/$pc_own "*) ;; *) pc_kinds="$pc_kinds $pc_mode/$pc_own" ;; esac
    done
    for pc_kind in $pc_kinds; do
        set --
        for pc_n in "$pc_dir"/files/*/; do
            [ -e "${pc_n}new" ] || continue
            read -r pc_mode pc_own pc_step <"${pc_n}meta"
            [ "$pc_mode/$pc_own" != "$pc_kind" ] || set -- "$@" "${pc_n}new"
        done
        pc_own=${pc_kind#*/}
        pc_out=$({ { [ "$pc_own" = root:root ] || chown "$pc_own" "$@"; } && chmod "${pc_kind%%/*}" "$@"; } 2>&1) ||
            { pc_fail stage "cannot give mode and owner $pc_kind: $pc_out"; return; }
    done
    # Some seconds old: Postfix takes a fresh main.cf for half-written and sleeps up to two seconds over it, in every process.
    touch -c -d "@$(($(date +%s) - 4))" "$pc_dir"/files/*/new 2>/dev/null || :
}

# Runs each validation in a private view of the machine in which the staged files are in place already.
# Where such a view cannot be made, the validation after the swap, before any reload, is the one that counts.
pc_validate_view() {
    [ -s "$pc_dir/validations" ] || return 0
    pc_tops=
    for pc_n in "$pc_dir"/files/*/; do
        pc_read "${pc_n}path"
        pc_top=${pc_text#/}
        case $pc_top in */*) pc_top=${pc_top%%/*} ;; *) return 0 ;; esac
        case $pc_top in *[!A-Za-z0-9_.-]*) return 0 ;; esac
        case " $pc_tops " in *" $pc_top "*) ;; *) pc_tops="$pc_tops $pc_top" ;; esac
        pc_seen=$pc_dir/view$pc_text
        [ -d "${pc_seen%/*}" ] || (umask 022 && mkdir -p "${pc_seen%/*}") || return 0
        if [ -e "${pc_n}new" ]; then
            ln "${pc_n}new" "$pc_seen" || return 0
        else
            mknod "$pc_seen" c 0 0 2>/dev/null || return 0
        fi
    done
    # shellcheck disable=SC2086 # a list of names without blanks
    pc_in_view true $pc_tops >/dev/null 2>&1 || return 0
    pc_validations 'pc_viewed'
    pc_is_valid=yes
}

pc_in_view() {
    # shellcheck disable=SC2016 # expanded inside
    unshare -m sh -c '
        view=$1; command=$2; shift 2
        for top do mount -t overlay -o "lowerdir=$view/$top:/$top" overlay "/$top" || exit 125; done
        exec sh -c "$command"' sh "$pc_dir/view" "$@" 9>&- </dev/null
}
# shellcheck disable=SC2086,SC2317 # a list of names without blanks; called by name
pc_viewed() { pc_in_view "$1" $pc_tops 2>&1; }
# shellcheck disable=SC2317 # called by name
pc_plain() { sh -c "$1" 2>&1 9>&- </dev/null; }

pc_validations() {
    while IFS='	' read -r pc_step pc_command; do
        pc_out=$(exec 9>&- && $1 "$pc_command") || { pc_fail "$pc_step" "\`$pc_command\` failed: $pc_out"; return; }
    done <"$pc_dir/validations"
}

# Keeps what is there and puts the new files beside their targets, so that the swap needs no more space.
pc_prepare() {
    set --
    for pc_n in "$pc_dir"/files/*/; do
        [ -d "$pc_n" ] || continue
        pc_read "${pc_n}path"
        read -r pc_mode pc_own pc_step <"${pc_n}meta"
        if [ -e "$pc_text" ] || [ -h "$pc_text" ]; then
            cp -P -p "$pc_text" "${pc_n}old" || { pc_fail "$pc_step" "cannot keep $pc_text below $pc_home"; return; }
            [ -h "$pc_text" ] || set -- "$@" "${pc_n}old"
        else
            true >"${pc_n}absent" || { pc_fail "$pc_step" "cannot stage $pc_text below $pc_home: $(pc_room)"; return; }
        fi
        [ -e "${pc_n}new" ] || continue
        pc_folders_for "$pc_n" "$pc_text" || { pc_fail "$pc_step" "cannot stage $pc_text below $pc_home: $(pc_room)"; return; }
        pc_beside "$pc_n" "$pc_text"
        pc_out=$(cp -p "${pc_n}new" "$pc_temporary" 2>&1) ||
            { pc_fail "$pc_step" "cannot write beside $pc_text: $pc_out"; return; }
        set -- "$@" "$pc_temporary" "${pc_text%/*}"
    done
    # Files before the names that lead to them; a kept symbolic link is nothing that could be synced by itself.
    pc_sync "$@" "$pc_dir"/files/*/ "$pc_dir/files" "$pc_dir" "$pc_home/runs"
}

# pc_beside DIR/files/N/ PATH: the name under which the new file waits beside its target.
pc_beside() {
    pc_slot=${1%/}
    pc_of=${1%/files/*}
    pc_temporary=${2%/*}/.portcullis-${pc_of##*/}-${pc_slot##*/}
}

# Folders that are missing, remembered so that an undo takes them away again.
pc_folders_for() {
    pc_folder=${2%/*}
    [ -n "$pc_folder" ] && [ ! -d "$pc_folder" ] || return 0
    pc_missing=$pc_folder
    while [ ! -d "${pc_missing%/*}" ] && [ -n "${pc_missing%/*}" ]; do
        pc_missing=${pc_missing%/*}
    done
    printf '%s' "$pc_missing" >"${1}made" || return
    # Where that fails, what is to be put there says why.
    (umask 022 && mkdir -p "$pc_folder") 2>/dev/null || :
}

pc_swap() {
    set --
    for pc_n in "$pc_dir"/files/*/; do
        [ -d "$pc_n" ] || continue
        pc_read "${pc_n}path"
        read -r pc_mode pc_own pc_step <"${pc_n}meta"
        if [ -e "${pc_n}new" ]; then
            pc_beside "$pc_n" "$pc_text"
            pc_out=$(mv -f -T "$pc_temporary" "$pc_text" 2>&1)
        else
            pc_out=$(rm -f "$pc_text" 2>&1)
        fi || { pc_fail "$pc_step" "cannot replace $pc_text: $pc_out"; return; }
        pc_say step "$pc_step" swapped "$pc_text"
        pc_folder=${pc_text%/*}
        set -- "$@" "${pc_folder:-/}"
    done
    # Else a loss of power after `done` could bring the old file back.
    [ $# -eq 0 ] || pc_sync "$@"
}
