# shellcheck shell=sh
# Keeps signed heads of a ledger, a file each: no head replaces another, so that two histories show. `pc_ledger`, the
# ledger's id, is set before this text; a call follows it.

LC_ALL=C
export LC_ALL
umask 077
trap : HUP PIPE
pc_home=${pc_home:-/var/lib/portcullis}
pc_heads=$pc_home/heads/${pc_ledger:?}

# pc_keep_head SEQ COUNT NOTE: keeps the head of an event, beside another one of the same event; so many of the newest stay.
pc_keep_head() {
    [ -d "$pc_heads" ] || mkdir -p "$pc_heads" || return 1
    pc_new=$pc_heads/.new.$$
    if ! printf '%s' "$3" >"$pc_new" || ! sync "$pc_new"; then
        rm -f "$pc_new"
        return 1
    fi
    pc_place=$pc_heads/$1
    pc_more=0
    # A link fails where the name is taken; a rename would replace what is there.
    until ln "$pc_new" "$pc_place" 2>/dev/null; do
        [ -e "$pc_place" ] || { rm -f "$pc_new"; echo "cannot write $pc_place" >&2; return 1; }
        cmp -s "$pc_new" "$pc_place" && break
        pc_more=$((pc_more + 1))
        pc_place=$pc_heads/$1-$pc_more
    done
    rm -f "$pc_new"
    # What a broken-off call left is no head.
    for pc_head in "$pc_heads"/.new.*; do
        [ ! -e "$pc_head" ] || { find "$pc_heads" -name '.new.*' -mtime +1 -exec rm -f {} + && break; }
    done
    pc_forget_oldest "$2" "$pc_heads"/*
}

# pc_forget_oldest COUNT FILE…: so many stay.
pc_forget_oldest() {
    [ $(($# - 1)) -gt "$1" ] || return 0
    # shellcheck disable=SC2012,SC2046 # the names are digits and dashes
    set -- "$1" $(ls "$pc_heads" | sort -n)
    while [ $(($# - 1)) -gt "$1" ]; do
        pc_keep=$1
        rm -f "$pc_heads/$2"
        shift 2
        set -- "$pc_keep" "$@"
    done
}

# All heads that are kept, one after the other.
pc_tell_heads() {
    for pc_head in "$pc_heads"/*; do
        [ -f "$pc_head" ] && cat "$pc_head"
    done
    return 0
}
