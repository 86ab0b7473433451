# shellcheck shell=sh disable=SC2034,SC2154 # set and read by transaction.sh
# One run at a time on one machine: the lock, who holds it, and when it gives way. Follows transaction.sh, whose
# words it uses; held as long as the script lives.

# Takes the lock of this machine, held as long as this script lives, and settles what earlier runs left.
pc_lock() {
    command -v flock >/dev/null || pc_end_with refused 'flock is missing on this machine (package util-linux)' 1
    [ -d "$pc_home/runs" ] || pc_out=$(mkdir -p "$pc_home/runs" 2>&1) || pc_end_with failed "$pc_out" 1
    pc_own_home
    # Tried first by a command that is no special built-in: a failing `exec` would end the shell without a word.
    pc_out=$(true 2>&1 >>"$pc_volatile/portcullis.lock") || pc_end_with failed "$pc_out" 1
    exec 9>>"$pc_volatile/portcullis.lock"
    flock -n 9 || pc_break_lock || pc_tell_holder
    printf '%s\n' "${pc_owner:?}" >"$pc_volatile/portcullis.owner"
    printf '%s %s\n' "$$" "$pc_run" >"$pc_volatile/portcullis.holder"
    pc_recover
}

# What lies there is run as root and put into place: nobody else may have made it, nor write to it.
pc_own_home() {
    for pc_folder in "$pc_home" "$pc_home/runs"; do
        [ ! -h "$pc_folder" ] || pc_end_with refused "$pc_folder is a symbolic link; it is not followed" 1
        # shellcheck disable=SC3067 # dash and busybox know it
        [ -O "$pc_folder" ] || pc_end_with refused "$pc_folder belongs to somebody else, and what lies there is run as root; see who made it, and take it away" 1
    done
    for pc_n in $(stat -c %a "$pc_home" "$pc_home/runs"); do
        case $pc_n in
            # As in /tmp: what is ours nobody else can replace.
            1???) ;;
            *[2367]? | *[2367]) pc_end_with refused "others may write to $pc_home or to its folder runs, and what lies there is run as root; see what they put there, and take it away" 1 ;;
        esac
    done
}

# Ends with who holds the lock, and in place of a step for how many seconds already.
pc_tell_holder() {
    pc_since=$(stat -c %Y "$pc_volatile/portcullis.owner" 2>/dev/null) && pc_failed_step=$(($(date +%s) - pc_since))
    pc_end_with locked "$(cat "$pc_volatile/portcullis.owner" 2>/dev/null)" 1
}

# A lock expires. A run that still stages after six minutes has no client any more (which gives up after five), only a
# connection that nobody ended: a jumphost lost its power. It has changed nothing, and is forgotten like any broken off.
# One that still changes things after an hour waits for something that does not come: it is ended with all it started,
# and undone like any broken off.
pc_break_lock() {
    { read -r pc_pid pc_stale <"$pc_volatile/portcullis.holder"; } 2>/dev/null || return 1
    case $(cat "$pc_home/runs/$pc_stale/state" 2>/dev/null) in
        staging) pc_limit=${pc_minutes:-6} ;;
        committing) pc_limit=${pc_longest:-60} ;;
        *) return 1 ;;
    esac
    # A client that tells a run again has lost the connection over which the rest of it would have come.
    if [ "$pc_stale/$pc_limit" != "$pc_run/${pc_minutes:-6}" ]; then
        [ -n "$(find "$pc_home/runs/$pc_stale/state" -mmin "+$pc_limit")" ] || return 1
    fi
    # shellcheck disable=SC2046 # a list of numbers
    kill -s KILL "$pc_pid" $(pc_started_by "$pc_pid") 2>/dev/null
    # The flock of busybox has no time to wait.
    pc_until 20 flock -n 9
}

# The processes that a process started, and those that these started.
pc_started_by() {
    pc_children=
    { read -r pc_children <"/proc/$1/task/$1/children"; } 2>/dev/null
    for pc_child in $pc_children; do
        printf '%s ' "$pc_child"
        pc_started_by "$pc_child"
    done
}
