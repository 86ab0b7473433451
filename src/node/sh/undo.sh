# shellcheck shell=sh disable=SC2034,SC2154 # shared with transaction.sh
# Putting back: what a run broken off has left, what a run that failed has changed, what a rollback asks for.
# Follows transaction.sh. Each part may be broken off itself, and be done again.

# A run broken off before: one that had begun to swap is undone, one that had not is forgotten. One that waits to be
# confirmed is left to its timer, and this run refused, unless nothing can be left of that timer.
pc_recover() {
    for pc_earlier in "$pc_home"/runs/*/; do
        pc_earlier=${pc_earlier%/}
        [ -d "$pc_earlier" ] || continue
        # What is asked about is settled by who asks.
        [ "$pc_earlier" != "${pc_asked_about:-}" ] || continue
        [ ! -e "$pc_earlier/state.new" ] || rm -f "$pc_earlier/state.new"
        pc_was=
        [ -r "$pc_earlier/state" ] && read -r pc_was <"$pc_earlier/state"
        case $pc_was in
            committing)
                pc_undo "$pc_earlier"
                pc_say recovered "${pc_earlier##*/}" undone "$pc_undo_trouble"
                ;;
            guarded)
                pc_is_overdue "$pc_earlier" || pc_end_with locked "run ${pc_earlier##*/}, which waits to be confirmed until $pc_until_when" 1
                pc_take_back "$pc_earlier" 'nobody had confirmed it, and no timer was left'
                pc_say recovered "${pc_earlier##*/}" reverted "$pc_undo_trouble"
                ;;
            staging | '')
                pc_disarm "$pc_earlier"
                pc_clear_beside "$pc_earlier"
                rm -rf "$pc_earlier"
                ;;
            *)
                if [ -e "$pc_earlier/guard" ] || [ -e "$pc_earlier/new" ]; then pc_tidy "$pc_earlier"; fi
                ;;
        esac
    done
}

# What only a run under way needs.
pc_tidy() {
    pc_disarm "$1"
    rm -rf "$1/new"
}

# pc_undo DIR [STATE]: puts every file of a run back, reads it back, runs the actions again. Idempotent.
pc_undo() {
    pc_put_all_back "$1"
    pc_actions "$1" again
    [ -z "$pc_undo_trouble" ] && pc_set_state "$1" "${2:-undone}" && pc_tidy "$1"
}

# pc_put_all_back DIR: the files alone.
pc_put_all_back() {
    pc_undo_trouble=
    # First, as it would keep folders from going that were made for it.
    pc_clear_beside "$1"
    for pc_n in $(cd "$1/files" && for n in *; do printf '%s\n' "$n"; done | sort -rn); do
        pc_n=$1/files/$pc_n/
        [ -e "${pc_n}path" ] || continue
        pc_read "${pc_n}path"
        pc_put_back "$pc_n" "$pc_text" || pc_undo_trouble="$pc_undo_trouble $pc_text"
    done
    pc_clear_beside "$1"
}

# pc_beside DIR/files/N/ PATH: the name under which what was there waits beside its target.
pc_beside() {
    pc_slot=${1%/}
    pc_of=${1%/files/*}
    pc_temporary=${2%/*}/.portcullis-${pc_of##*/}-${pc_slot##*/}
    pc_kept=$pc_of/old$2
}

pc_put_back() {
    # Somebody else's place, by now.
    ! pc_leads_elsewhere "$2" || return 1
    pc_beside "$1" "$2"
    rm -f "$pc_temporary"
    if [ -e "$pc_kept" ] || [ -h "$pc_kept" ]; then
        # What was never replaced is left alone: it may be that it cannot be.
        if [ -h "$pc_kept" ] || ! pc_is_same "$pc_kept" "$2"; then
            # A second name needs no room on a disk that is full.
            cp -P -p "$pc_kept" "$pc_temporary" 2>/dev/null || ln -f "$pc_kept" "$pc_temporary" || return 1
            pc_sync "$pc_temporary"
            mv -f -T "$pc_temporary" "$2" || return 1
            rm -f "$pc_temporary"
        fi
        [ -h "$2" ] || cmp -s "$pc_kept" "$2" || return 1
    elif [ -e "${1}absent" ]; then
        [ ! -e "$2" ] && [ ! -h "$2" ] || rm -f "$2" || return 1
        [ ! -e "${1}made" ] || pc_rmdirs "${2%/*}" "$(cat "${1}made")"
    else
        return 0
    fi
    pc_sync_folder "$2"
}

pc_is_same() {
    [ -f "$2" ] && [ ! -h "$2" ] && cmp -s "$1" "$2" && [ "$(stat -c '%a %u:%g' "$1")" = "$(stat -c '%a %u:%g' "$2")" ]
}

# Takes away empty folders from $1 up to $2.
pc_rmdirs() {
    rmdir "$1" 2>/dev/null || [ ! -d "$1" ] || return 0
    [ "$1" = "$2" ] || pc_rmdirs "${1%/*}" "$2"
}

# Takes away what waits beside its target, and of a run that was still staging the folders that it made.
pc_clear_beside() {
    # What a failure left of a list is not for `rm`.
    pc_these=
    for pc_n in "$1"/files/*/path; do
        [ -e "$pc_n" ] || continue
        pc_read "$pc_n"
        pc_beside "${pc_n%path}" "$pc_text"
        pc_add "$pc_temporary"
        pc_add "${pc_temporary%-*}"
    done
    [ -z "$pc_these" ] || pc_with rm -rf
    pc_was=
    [ ! -e "$1/state" ] || read -r pc_was <"$1/state"
    [ "$pc_was" = staging ] || return 0
    for pc_n in "$1"/files/*/made; do
        [ -e "$pc_n" ] || continue
        pc_read "${pc_n%made}path"
        pc_rmdirs "${pc_text%/*}" "$(cat "$pc_n")"
    done
}

# The last ten runs that are done are kept, and as many others: a failed try never costs what can be put back.
pc_prune() {
    pc_prune_those yes
    pc_prune_those no
}

# pc_prune_those yes|no: of the runs that are done, or not. Run ids sort by time.
pc_prune_those() {
    pc_wanted=$1
    set --
    for pc_earlier in "$pc_home"/runs/*/; do
        pc_was=
        [ -r "${pc_earlier}state" ] && read -r pc_was <"${pc_earlier}state"
        if [ "$pc_was" = 'done' ]; then pc_is_done=yes; else pc_is_done=no; fi
        [ "$pc_is_done" != "$pc_wanted" ] || set -- "$@" "$pc_earlier"
    done
    while [ $# -gt 10 ]; do
        [ "$pc_wanted" = no ] || pc_remember "${1%/}"
        # Without its state first: half of a run must never pass for one that can be put back.
        rm -f "${1}state" && rm -rf "$1"
        shift
    done
}

# pc_remember DIR: what a run that is no longer kept left, by file, so that it still shows where it is changed by hand.
# The newest of such runs stands for a file, as "RUN SHA256 PATH" in one line.
pc_remember() {
    pc_these=
    {
        for pc_n in "$1"/files/*/; do
            { IFS= read -r pc_text <"${pc_n}path"; } 2>/dev/null || continue
            pc_sum=-
            [ ! -r "${pc_n}sum" ] || read -r pc_sum <"${pc_n}sum"
            printf '%s\t%s\t%s\n' "${1##*/}" "$pc_sum" "$pc_text"
            pc_add "$pc_text"
        done
        [ ! -r "$pc_home/left" ] || while IFS='	' read -r pc_key pc_sum pc_text; do
            case $pc_nl$pc_these in *"$pc_nl$pc_text$pc_nl"*) ;; *) printf '%s\t%s\t%s\n' "$pc_key" "$pc_sum" "$pc_text" ;; esac
        done <"$pc_home/left"
    } 2>/dev/null >"$pc_home/left.new" && mv -f "$pc_home/left.new" "$pc_home/left"
    pc_these=
}

# pc_rollback RUN: puts back what RUN replaced, if its files are still as it left them.
pc_rollback() {
    pc_from=$pc_home/runs/$1
    pc_asked_about=$pc_from
    pc_lock
    [ -r "$pc_from/state" ] || pc_end_with unknown "this machine keeps no run $1" 1
    read -r pc_was <"$pc_from/state"
    case $pc_was in
        'done') ;;
        # Nobody had confirmed it, or it was broken off: put back it is in any case.
        guarded | committing)
            pc_take_back "$pc_from" 'it was rolled back before it was confirmed'
            pc_end_back rolled-back
            ;;
        *) pc_end_with refused "run $1 is $pc_was; there is nothing to put back" 1 ;;
    esac
    for pc_n in "$pc_from"/files/*/; do
        [ -e "${pc_n}path" ] || continue
        pc_read "${pc_n}path"
        ! pc_leads_elsewhere "$pc_text" || pc_end_with refused "$pc_folder, on the way to $pc_text, is a symbolic link; it is not followed" 1
        pc_left_as="$(cat "${pc_n}sum" 2>/dev/null)"
        pc_sum=$({ sha256sum <"$pc_text"; } 2>/dev/null)
        { [ ! -h "$pc_text" ] && [ "${pc_sum%% *}" = "$pc_left_as" ]; } || pc_end_with refused "$pc_text was changed since run $1; a rollback would lose that" 1
    done
    # Should this be broken off, the next run finds `committing` and puts the rest back.
    pc_set_state "$pc_from" committing || pc_end_with refused "cannot begin, since that cannot be noted below $pc_home: $(pc_room)" 1
    pc_undo "$pc_from" rolled-back
    pc_end_back rolled-back
}

# pc_end_back WORD [DETAIL]: the answer once everything is back, or not.
pc_end_back() {
    [ -z "$pc_undo_trouble" ] || pc_end_with broken "could not be put back:$pc_undo_trouble" 1
    pc_end_with "$1" "${2:-}" 0
}
