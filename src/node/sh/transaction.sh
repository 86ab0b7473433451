# shellcheck shell=sh disable=SC2034,SC2154 # set and read by the files that follow it
# One run on one machine, as a transaction: receive, check, validate, keep, swap by rename, reload, probe
# health; any failure puts the old files back. Calls follow this text; `pc_run`, the run's id, and `pc_owner`,
# who holds the lock, are set before it. Fields that a `read` has to skip are named `pc_skip`.
#
# On disk, below $pc_home/runs/RUN/:  state                 staging, committing, guarded, done, undone, rolled-back, reverted
#   files/N/path, sum, absent, made   target; hash of what is to be there, but for a removal; nothing was there; the topmost
#                                     folder that had to be made for it
#   new/PATH, old/PATH                what is staged, and what was there, each below its own path
#   new/.beside/…                     what is staged under a second name, as it will wait beside its target
#   actions                           what to run after files changed, and again after they were put back
# Beside their targets, in folders .portcullis-RUN, the new files wait for the swap.
#
# What a run costs a machine is for the most part the start of programs: each is called once for many files.
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
pc_nl='
'
# What is put in place and what is taken away, by number; hashes to compare, as sha256sum lists them.
pc_placed=
pc_removed=
pc_undressed=
pc_sums=

pc_say() {
    pc_words=${4:-}
    case $pc_words in *[!\ -~]*) pc_words=$(printf '%s' "$pc_words" | tail -n 20 | tr '\t\n' ' \036') ;; esac
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$pc_words" 2>/dev/null
}
# A name is on the disk once its folder is, not before.
pc_sync() { sync "$@" 2>/dev/null || sync; }
pc_sync_folder() { pc_folder=${1%/*}; [ ! -d "${pc_folder:-/}" ] || pc_sync "${pc_folder:-/}"; }
# pc_set_state DIR STATE [WHAT…]: once WHAT is on the disk as well. Where that is full, what is needed no longer makes room.
pc_set_state() {
    pc_write_state "$@" && return
    rm -rf "$1/new"
    pc_write_state "$@" || { rm -f "$1/state.new"; return 1; }
}
pc_write_state() {
    pc_of=$1
    printf '%s\n' "$2" >"$1/state.new" || return
    shift 2
    pc_sync "$pc_of/state.new" "$@" && mv -f "$pc_of/state.new" "$pc_of/state" && pc_sync "$pc_of"
}
pc_end_with() { pc_say result "$1" "$pc_failed_step" "$2"; exit "$3"; }
# The first failure counts; what follows from it is noise.
pc_fail() { [ -n "$pc_failure" ] || { pc_failure=${2:-it ended without a word}; pc_failed_step=$1; }; }
pc_read() { IFS= read -r pc_text <"$1"; }

# pc_add NAME: lists it, once. pc_with COMMAND [ARGUMENT…]: calls it with all that is listed, and begins a new list.
pc_these=
pc_add() { case $pc_nl$pc_these in *"$pc_nl$1$pc_nl"*) ;; *) pc_these=$pc_these$1$pc_nl ;; esac; }
# shellcheck disable=SC2086 # a list of names, split at line breaks, which no name has
pc_with() {
    set -f
    IFS=$pc_nl
    set -- "$@" $pc_these
    unset IFS
    set +f
    pc_these=
    "$@"
}

# pc_begin N… FOLDER…: a run that has these files, in these folders. What is staged and what is kept lies as it does on the
# machine: the new is laid over it when the files are validated.
pc_begin() {
    pc_lock
    # What is kept of it must not be lost.
    [ ! -e "$pc_dir" ] || pc_end_with refused "run $pc_run has ended here already" 1
    for pc_n do
        case $pc_n in
            [0-9]*) set -- "$@" "$pc_dir/files/$pc_n" ;;
            *) set -- "$@" "$pc_dir/new$pc_n" "$pc_dir/old$pc_n" ;;
        esac
        shift
    done
    # What is still being staged is forgotten by the next run, whether or not the disk heard of it. Nobody else can look into
    # the folder that this one is in.
    pc_out=$({ (umask 022 && mkdir -p "$pc_dir/files" "$@") && : >"$pc_dir/actions" && : >"$pc_dir/validations" && echo staging >"$pc_dir/state"; } 2>&1) || {
        rm -rf "$pc_dir"
        # What a shell says of a full disk names neither the disk nor its fill.
        case $pc_out in *Read-only*) ;; *) pc_out="cannot stage below $pc_home: $(pc_room): $pc_out" ;; esac
        pc_end_with failed "$pc_out" 1
    }
}

# pc_file N STEP PATH MODE OWNER:GROUP SHA256 EXPECTED: comes with what pc_receive unpacks.
pc_file() {
    [ "$5" = root:root ] || pc_undressed="$pc_undressed $1"
    pc_stage "$1" "$2" "$3" "$4/$5" "$6" "$7" || pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"
}

# pc_keep N STEP PATH MODE OWNER:GROUP SHA256: the content stays as it is, mode and owner change.
pc_keep() {
    pc_undressed="$pc_undressed $1"
    { pc_stage "$1" "$2" "$3" "$4/$5" "$6" "$6" && { [ -n "$pc_failure" ] || pc_copy_as_sent "$3"; }; } ||
        pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"
}

pc_copy_as_sent() {
    pc_waiting=$pc_dir/new/.beside${1%/*}/.portcullis-$pc_run
    cp -p "$1" "$pc_dir/new$1" && mkdir -p "$pc_waiting" && ln "$pc_dir/new$1" "$pc_waiting/"
}

# pc_remove N STEP PATH EXPECTED: PATH is to be gone.
pc_remove() { pc_stage "$1" "$2" "$3" '' '' "$4" || pc_fail "$2" "cannot stage $3 below $pc_home: $(pc_room)"; }

# Unpacks standard input: new/PATH for each file, and its second name below new/.beside. It must not keep the lock when this shell is ended.
pc_receive() {
    [ -n "$pc_failure" ] || pc_out=$(tar -C "$pc_dir" -xpof - 2>&1 9>&-) || pc_fail stage "cannot stage below $pc_home: $(pc_room): $pc_out"
}

pc_room() {
    df -Pk "$pc_home" 2>&1 | { read -r pc_skip && read -r pc_skip pc_skip pc_skip pc_free pc_skip && printf '%s KiB free there' "$pc_free"; }
    df -Pi "$pc_home" 2>/dev/null | { read -r pc_skip && read -r pc_skip pc_skip pc_skip pc_free pc_skip && [ "$pc_free" = 0 ] && printf ', and no inode'; }
}

# pc_stage N STEP PATH KIND SHA256 EXPECTED: notes a file, and makes room for it. What the plan saw must still be there:
# `absent`, `link`, or a hash, which is compared once everything has arrived.
pc_stage() {
    if [ -n "$pc_failure" ]; then
        return 0
    elif pc_leads_elsewhere "$3"; then
        pc_fail "$2" "$pc_folder, on the way to $3, is a symbolic link; it is not followed"
    elif [ -h "$3" ]; then
        [ "$6" = link ] || pc_fail "$2" "$3 is a symbolic link; it is not followed"
    elif [ -e "$3" ] && [ ! -f "$3" ]; then
        pc_fail "$2" "$3 is not a regular file"
    elif [ "$6" = absent ] && [ -e "$3" ]; then
        pc_fail "$2" "$3 appeared since the plan was made"
    fi
    [ -z "$pc_failure" ] || return 0
    case $6 in absent | link) ;; *) pc_sums="$pc_sums$6  $3$pc_nl" ;; esac
    eval "pc_step_$1=\$2 pc_path_$1=\$3 pc_kind_$1=\$4 pc_seen_$1=\$6"
    printf '%s\n' "$3" >"$pc_dir/files/$1/path" || return
    [ -n "$5" ] || { pc_removed="$pc_removed $1"; return 0; }
    pc_placed="$pc_placed $1"
    pc_sums="$pc_sums$5  $pc_dir/new$3$pc_nl"
    printf '%s\n' "$5" >"$pc_dir/files/$1/sum"
}

# pc_slot N: what was noted of a file.
pc_slot() { eval "pc_step=\$pc_step_$1 pc_path=\$pc_path_$1 pc_kind=\$pc_kind_$1 pc_seen=\$pc_seen_$1"; }

pc_leads_elsewhere() {
    pc_folder=${1%/*}
    while [ -n "$pc_folder" ]; do
        [ ! -h "$pc_folder" ] || return 0
        pc_folder=${pc_folder%/*}
    done
    return 1
}

# What arrived is what was sent, and what the plan saw is still there.
pc_compare() {
    if [ -z "$pc_sums" ] || printf '%s' "$pc_sums" | sha256sum -c >/dev/null 2>&1; then return 0; fi
    for pc_n in $pc_placed $pc_removed; do
        pc_slot "$pc_n"
        case $pc_seen in
            absent | link) ;;
            *) pc_has "$pc_path" "$pc_seen" || pc_fail "$pc_step" "$pc_path was changed since the plan was made" ;;
        esac
        [ ! -e "$pc_dir/files/$pc_n/sum" ] || { pc_read "$pc_dir/files/$pc_n/sum" && pc_has "$pc_dir/new$pc_path" "$pc_text"; } ||
            pc_fail "$pc_step" "what arrived for $pc_path is not what was sent"
    done
    [ -z "${pc_guard_time:-}" ] || pc_has "$pc_dir/revert" "$pc_guard_sum" || pc_fail guard 'what arrived is not what was sent'
}
pc_has() { pc_sum=$({ sha256sum <"$1"; } 2>/dev/null) && [ "${pc_sum%% *}" = "$2" ]; }

# pc_validate STEP COMMAND: has to succeed before anything is reloaded.
pc_validate() { printf '%s\t%s\n' "$1" "$2" >>"$pc_dir/validations" || pc_fail "$1" "cannot stage below $pc_home: $(pc_room)"; }
# pc_action STEP KIND VALUE: what to do once the files are in place.
pc_action() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$pc_dir/actions" || pc_fail "$1" "cannot stage below $pc_home: $(pc_room)"; }

pc_apply() {
    [ -n "$pc_failure" ] || pc_compare
    [ -n "$pc_failure" ] || pc_dress
    [ -n "$pc_failure" ] || pc_say step stage 'done'
    [ -n "$pc_failure" ] || pc_validate_view
    [ -n "$pc_failure" ] || pc_prepare
    [ -n "$pc_failure" ] || [ -z "${pc_guard_time:-}" ] || pc_arm
    [ -n "$pc_failure" ] || pc_list_prepared
    [ -n "$pc_failure" ] || pc_with pc_set_state "$pc_dir" committing || pc_fail stage "cannot begin, since that cannot be noted below $pc_home: $(pc_room)"
    if [ -n "$pc_failure" ]; then
        pc_disarm "$pc_dir"
        pc_clear_beside "$pc_dir"
        rm -rf "$pc_dir"
        pc_end_with failed "$pc_failure" 1
    fi
    pc_swap
    [ -n "$pc_failure" ] || [ "$pc_is_valid" = yes ] || pc_validations
    [ -n "$pc_failure" ] || pc_actions "$pc_dir" once
    # What is not noted, the next run would undo; and a loss of power after it could bring an old file back.
    if [ -n "${pc_guard_time:-}" ]; then pc_end=guarded; else pc_end='done'; fi
    [ -n "$pc_failure" ] || pc_list_folders
    [ -n "$pc_failure" ] || pc_with pc_set_state "$pc_dir" "$pc_end" || pc_fail commit "that it is done cannot be noted below $pc_home: $(pc_room)"
    if [ -n "$pc_failure" ]; then
        pc_say step undo started
        pc_undo "$pc_dir"
        [ -z "$pc_undo_trouble" ] || pc_end_with broken "$pc_failure; and not everything could be put back: $pc_undo_trouble" 1
        pc_end_with undone "$pc_failure" 1
    fi
    if [ "$pc_end" = guarded ]; then
        read -r pc_skip pc_skip pc_its_end pc_until_when <"$pc_dir/guard"
        pc_end_with guarded "$((pc_its_end - $(pc_uptime))) $pc_until_when" 0
    fi
    pc_tidy "$pc_dir"
    pc_prune
    pc_end_with 'done' '' 0
}

# Gives the staged files their modes and owners, where unpacking did not: it makes root's files. Those that are alike at once.
# Their times are as they were sent.
pc_dress() {
    pc_kinds=
    for pc_n in $pc_undressed; do
        pc_slot "$pc_n"
        case " $pc_kinds " in *" $pc_kind "*) ;; *) pc_kinds="$pc_kinds $pc_kind" ;; esac
    done
    for pc_alike in $pc_kinds; do
        for pc_n in $pc_undressed; do
            pc_slot "$pc_n"
            [ "$pc_kind" != "$pc_alike" ] || pc_add "$pc_dir/new$pc_path"
        done
        pc_out=$(pc_with pc_give "${pc_alike%%/*}" "${pc_alike#*/}" 2>&1) ||
            { pc_fail stage "cannot give mode and owner $pc_alike: $pc_out"; return; }
        pc_these=
    done
}

# pc_give MODE OWNER FILE…
pc_give() {
    pc_mode=$1
    pc_own=$2
    shift 2
    chown "$pc_own" "$@" && chmod "$pc_mode" "$@"
}

# Runs the validations in a private view of the machine in which the staged files are in place already.
# Where such a view cannot be made, the validation after the swap, before any reload, is the one that counts.
pc_validate_view() {
    [ -s "$pc_dir/validations" ] || return 0
    pc_tops=
    for pc_n in $pc_placed $pc_removed; do
        pc_slot "$pc_n"
        pc_top=${pc_path#/}
        case $pc_top in */*) pc_top=${pc_top%%/*} ;; *) return 0 ;; esac
        case $pc_top in *[!A-Za-z0-9_.-]*) return 0 ;; esac
        case " $pc_tops " in *" $pc_top "*) ;; *) pc_tops="$pc_tops $pc_top" ;; esac
    done
    for pc_n in $pc_removed; do
        pc_slot "$pc_n"
        mknod "$pc_dir/new$pc_path" c 0 0 2>/dev/null || return 0
    done
    # Its input is opened before anything is laid over the folder that it is in.
    # shellcheck disable=SC2016,SC2086 # expanded inside; a list of names without blanks
    pc_out=$(unshare -m sh -c '
        exec 3<&0 </dev/null
        new=$1; shift
        for top do mount -t overlay -o "lowerdir=$new/$top:/$top" overlay "/$top" || exit; done
        while IFS="	" read -r step command <&3; do
            said=$(sh -c "$command" 2>&1 3<&-) || { printf "failed\t%s\t%s\n%s" "$step" "$command" "$said"; exit; }
        done
        echo valid' sh "$pc_dir/new" $pc_tops 2>/dev/null 9>&- <"$pc_dir/validations")
    case $pc_out in valid | failed*) pc_is_valid=yes ;; esac
    case $pc_out in failed*) ;; *) return 0 ;; esac
    pc_out=${pc_out#failed	}
    pc_command=${pc_out%%"$pc_nl"*}
    pc_out=${pc_out#"$pc_command"}
    pc_fail "${pc_command%%	*}" "\`${pc_command#*	}\` failed: ${pc_out#"$pc_nl"}"
}

# The same without such a view.
pc_validations() {
    while IFS='	' read -r pc_step pc_command; do
        pc_out=$(exec 9>&- && sh -c "$pc_command" 2>&1 </dev/null) || { pc_fail "$pc_step" "\`$pc_command\` failed: $pc_out"; return; }
    done <"$pc_dir/validations"
}
