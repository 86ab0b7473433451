# shellcheck shell=sh disable=SC2034,SC2154 # set and read by transaction.sh
# From what is staged to what is in place: the old is kept, the new laid beside its target, and swapped by rename. Follows
# transaction.sh, whose words it uses. A machine may die between any two commands: each file is old or new then, and whole.

# Keeps what is there and puts the new files beside their targets, so that the swap needs no more space.
pc_prepare() {
    for pc_n in $pc_placed $pc_removed; do
        pc_slot "$pc_n"
        if [ -e "$pc_path" ] || [ -h "$pc_path" ]; then
            pc_add "${pc_path%/*}/"
        # Not by `:`, whose failure would end the shell without a word.
        elif ! true >"$pc_dir/files/$pc_n/absent"; then
            pc_these=
            pc_fail "$pc_step" "cannot stage $pc_path below $pc_home: $(pc_room)"
            return
        fi
    done
    [ -z "$pc_these" ] || pc_with pc_keep_old
    [ -n "$pc_failure" ] || pc_make_folders
    [ -n "$pc_failure" ] || pc_lay_beside
}

# pc_keep_old FOLDER/…: what is to be replaced in them.
pc_keep_old() {
    for pc_kept_in do
        for pc_n in $pc_placed $pc_removed; do
            pc_slot "$pc_n"
            [ "${pc_path%/*}/" != "$pc_kept_in" ] || [ -e "$pc_dir/files/$pc_n/absent" ] || pc_add "$pc_path"
        done
        # The last word is where to.
        pc_add "$pc_dir/old$pc_kept_in"
        pc_out=$(pc_with cp -P -p 2>&1) || { pc_blame kept "$pc_out"; return; }
        pc_these=
    done
}

# Folders that are missing, remembered so that an undo takes them away again.
pc_make_folders() {
    for pc_n in $pc_placed; do
        pc_slot "$pc_n"
        pc_folder=${pc_path%/*}
        [ ! -d "${pc_folder:-/}" ] || continue
        pc_add "$pc_folder"
        while [ ! -d "${pc_folder%/*}" ] && [ -n "${pc_folder%/*}" ]; do
            pc_folder=${pc_folder%/*}
        done
        printf '%s' "$pc_folder" >"$pc_dir/files/$pc_n/made" ||
            { pc_fail "$pc_step" "cannot stage $pc_path below $pc_home: $(pc_room)"; pc_these=; return; }
    done
    [ -z "$pc_these" ] || pc_out=$(umask 022 && pc_with mkdir -p 2>&1) || pc_blame beside "$pc_out"
    pc_these=
}

# pc_each_folder COMMAND: calls it with the folders in which new files wait, each beside those that they are for.
pc_each_folder() {
    for pc_n in $pc_placed; do
        pc_slot "$pc_n"
        pc_add "${pc_path%/*}/.portcullis-$pc_run"
    done
    [ -z "$pc_these" ] || pc_with "$1"
}

# pc_pack FOLDER NAME…: an archive of these. GNU's tar takes a backslash in a name for the beginning of an escape unless it is
# told not to; others do not, and know no such word.
pc_pack() {
    pc_from=$1
    shift
    pc_verbatim=
    case $* in *\\*) ! tar --no-unquote --version >/dev/null 2>&1 || pc_verbatim=--no-unquote ;; esac
    tar ${pc_verbatim:+"$pc_verbatim"} -C "$pc_from" -cf - "$@"
}

# Those that wait, made as one archive and unpacked at once. What unpacks them may find fault with their times, and say so.
pc_lay_beside() {
    for pc_n in $pc_placed; do
        pc_slot "$pc_n"
        pc_add ".${pc_path%/*}/.portcullis-$pc_run/${pc_path##*/}"
    done
    [ -n "$pc_these" ] || return 0
    pc_out=$({ { pc_with pc_pack "$pc_dir/new/.beside" 2>&3 || echo 'not all could be read' >&3; } | tar -C / -xpf -; } 3>&1 2>&1 9>&-) || pc_blame beside "$pc_out"
    [ -n "$pc_failure" ] || pc_is_all_beside || pc_blame beside "$pc_out"
    pc_these=
}

pc_is_all_beside() {
    case $pc_out in *'not all could be read'*) return 1 ;; esac
    for pc_n in $pc_placed; do
        pc_slot "$pc_n"
        [ -f "${pc_path%/*}/.portcullis-$pc_run/${pc_path##*/}" ] || return 1
    done
}

pc_swap() {
    pc_each_folder pc_swap_folders
    [ -z "$pc_failure" ] || return
    for pc_n in $pc_removed; do
        pc_slot "$pc_n"
        pc_add "$pc_path"
    done
    [ -z "$pc_these" ] || pc_out=$(pc_with rm -f 2>&1) || { pc_blame removed "$pc_out"; return; }
    pc_these=
    for pc_n in $pc_removed; do
        pc_slot "$pc_n"
        pc_say step "$pc_step" swapped "$pc_path"
    done
}

# A rename each, though one program does those of a folder.
pc_swap_folders() {
    for pc_waiting do
        for pc_n in $pc_placed; do
            pc_slot "$pc_n"
            [ "${pc_path%/*}" != "${pc_waiting%/*}" ] || pc_add "$pc_waiting/${pc_path##*/}"
        done
        pc_add "${pc_waiting%/*}/"
        pc_out=$(pc_with mv -f 2>&1) || { pc_blame swapped "$pc_out"; return; }
        pc_these=
        for pc_n in $pc_placed; do
            pc_slot "$pc_n"
            [ "${pc_path%/*}" != "${pc_waiting%/*}" ] || pc_say step "$pc_step" swapped "$pc_path"
        done
    done
    rmdir "$@"
}

# pc_why_not_beside WORDS: `tar` tells of a full disk by how much it wrote of what; `cp` says what is the matter.
pc_why_not_beside() {
    if [ -d "${pc_new%/*}" ] && ! cp -p "$pc_dir/new$pc_path" "$pc_new" 2>&1; then return; fi
    printf '%s' "$1"
}

# pc_blame kept|beside|swapped|removed WORDS: the first file that is not kept, not laid beside its target, not swapped, or
# still there.
pc_blame() {
    pc_these=
    for pc_n in $pc_placed $pc_removed; do
        pc_slot "$pc_n"
        pc_new=${pc_path%/*}/.portcullis-$pc_run/${pc_path##*/}
        case "$1 ${pc_kind:-gone}" in
            kept*)
                [ -e "$pc_dir/files/$pc_n/absent" ] || [ -h "$pc_dir/old$pc_path" ] || cmp -s "$pc_path" "$pc_dir/old$pc_path" ||
                    { pc_fail "$pc_step" "cannot keep $pc_path below $pc_home: $2"; return; }
                ;;
            'removed gone') { [ ! -e "$pc_path" ] && [ ! -h "$pc_path" ]; } || { pc_fail "$pc_step" "cannot replace $pc_path: $2"; return; } ;;
            removed* | *gone) ;;
            beside*) cmp -s "$pc_dir/new$pc_path" "$pc_new" || { pc_fail "$pc_step" "cannot write beside $pc_path: $(pc_why_not_beside "$2")"; return; } ;;
            swapped*) [ ! -e "$pc_new" ] || { pc_fail "$pc_step" "cannot replace $pc_path: $2"; return; } ;;
        esac
    done
    pc_fail stage "$2"
}

# Lists what is kept and what waits: files before the names that lead to them. A symbolic link cannot be synced by itself.
pc_list_prepared() {
    for pc_n in $pc_placed $pc_removed; do
        pc_slot "$pc_n"
        pc_new=${pc_path%/*}/.portcullis-$pc_run
        [ ! -f "$pc_new/${pc_path##*/}" ] || { pc_add "$pc_new/${pc_path##*/}" && pc_add "$pc_new"; }
        [ ! -f "$pc_dir/old$pc_path" ] || [ -h "$pc_dir/old$pc_path" ] || pc_add "$pc_dir/old$pc_path"
        pc_folder=$pc_dir/old${pc_path%/*}
        while [ ! -e "$pc_dir/files/$pc_n/absent" ] && [ "$pc_folder" != "$pc_dir" ]; do
            pc_add "$pc_folder"
            pc_folder=${pc_folder%/*}
        done
        pc_add "$pc_dir/files/$pc_n"
    done
    pc_list_folders
    pc_add "$pc_dir/files"
    pc_add "$pc_dir"
    pc_add "$pc_home/runs"
}

# Lists the folders of all targets, and those that had to be made for them.
pc_list_folders() {
    for pc_n in $pc_placed $pc_removed; do
        pc_slot "$pc_n"
        pc_folder=${pc_path%/*}
        [ ! -d "${pc_folder:-/}" ] || pc_add "${pc_folder:-/}"
        [ -e "$pc_dir/files/$pc_n/made" ] || continue
        IFS= read -r pc_text <"$pc_dir/files/$pc_n/made" || :
        while [ -n "$pc_text" ] && [ "$pc_folder" != "${pc_text%/*}" ] && [ -n "$pc_folder" ]; do
            pc_folder=${pc_folder%/*}
            pc_add "${pc_folder:-/}"
        done
    done
}
