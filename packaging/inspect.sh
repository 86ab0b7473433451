#!/usr/bin/env bash
# Looks at a built program: it asks for no newer C library than was promised and for no other library, and names no folder of
# the machine that built it: inspect.sh FILE.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh
file=$1

newest=$(objdump -T "$file" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1)
if [[ $(printf '%s\n%s\n' "$newest" "$glibc" | sort -V | tail -n 1) != "$glibc" ]]; then
  echo "$file asks for glibc $newest: $glibc was promised" >&2
  exit 1
fi
others=$(objdump -p "$file" | sed -n 's/^ *NEEDED *//p' | grep -Evx 'lib(c|m|dl|rt|util|pthread)\.so\.[0-9]|ld-linux-x86-64\.so\.2' || true)
if [[ -n $others ]]; then
  echo "$file needs more than the C library: ${others//$'\n'/ }" >&2
  exit 1
fi
for folder in "$top" "$HOME/" "$cargo_home" /home/ /root/ .cargo/ registry/src /rustup/; do
  if grep -aFq -- "$folder" "$file"; then
    echo "$file names a folder of this machine: $(strings -n 8 "$file" | grep -Fm 3 -- "$folder" | cut -c 1-200)" >&2
    exit 1
  fi
done
echo "$file: glibc $newest or newer, nothing else"
