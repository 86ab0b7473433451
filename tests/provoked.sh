#!/bin/sh
# Whether every check of the catalogue was really seen to find something and to pass, by the tests that have just run.
# Arguments: the program; the folder that the tests wrote (one line `found ID` or `passed ID` each); the list of what no
# test provokes (`ID REASON` a line).
set -eu
program=$1 folder=$2 without=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" check --list --output json | sed -n 's/^ *"id" *: *"\([^"]*\)",*$/\1/p' | sort -u >"$work/all"
[ "$(wc -l <"$work/all")" -gt 150 ] || { echo "the catalogue of checks could not be read" >&2; exit 1; }
cat "$folder"/* | sort -u >"$work/seen"
grep -v '^#' "$without" | cut -d ' ' -f 1 | sort -u >"$work/without"
code=0
for how in found passed; do
    sed -n "s/^$how //p" "$work/seen" | sort -u >"$work/$how"
    never=$(comm -23 "$work/all" "$work/$how" | comm -23 - "$work/without")
    [ -z "$never" ] || { code=1; printf 'no test saw it %s: %s\n' "$how" "$(echo "$never" | tr '\n' ' ')" >&2; }
done
needless=$(comm -12 "$work/found" "$work/passed" | comm -12 - "$work/without")
[ -z "$needless" ] || { code=1; printf 'provoked after all, take it off %s: %s\n' "$without" "$needless" >&2; }
unknown=$(comm -13 "$work/all" "$work/without")
[ -z "$unknown" ] || { code=1; printf 'no such check, but in %s: %s\n' "$without" "$unknown" >&2; }
exit "$code"
