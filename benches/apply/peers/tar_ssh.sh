#!/usr/bin/env bash
# The job as a person would script it: one connection to the jumphost, then `tar | ssh` to all nodes at once through it.
# Usage: tar_ssh.sh SSH_CONFIG FILES NODES; NODES has a line a node: its name, and the file of its sudo password or `-`.
set -euo pipefail
config=$1 files=$2 nodes=$3
script=$(<"$(dirname "$0")/node.sh")

feed() { # NODE PASSWORD_FILE
  [ "$2" = - ] || printf '%s\n' "$(<"$2")"
  cd "$files/$1"
  find . -type f -printf '%P\0' >"$work/$1"
  xargs -0 sha256sum <"$work/$1"
  echo
  tar --owner=root --group=root --null -T "$work/$1" -c
}

one() { # NODE PASSWORD_FILE
  local sudo='sudo -n'
  # The password is the first line of what is fed; -k, so that it is asked for in any case.
  [ "$2" = - ] || sudo="sudo -k -S -p ''"
  feed "$1" "$2" | ssh -F "$config" "$1" "$sudo sh -c ${script@Q}" | sed "s/^/$1 /"
}

work=$(mktemp -d)
trap 'rm -rf "$work"; ssh -F "$config" -O exit jump 2>/dev/null' EXIT
ssh -F "$config" -fN jump </dev/null >/dev/null
jobs=()
while read -r name password; do
  one "$name" "$password" &
  jobs+=($!)
done <"$nodes"
for job in "${jobs[@]}"; do wait "$job"; done
