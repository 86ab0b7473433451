#!/usr/bin/env bash
# Installs the packages that tests need and this machine lacks, by apt, with sudo where needed. Their services are not
# started: tests run servers of their own, in folders of their own.
#
# Arguments: PACKAGE:PROOF …, where PROOF is a command, or a file by its absolute path.
set -euo pipefail

missing=()
for pair in "$@"; do
    package=${pair%%:*} proof=${pair#*:}
    if [[ $proof == /* ]]; then
        [[ -e $proof ]] || missing+=("$package")
    else
        PATH=$PATH:/usr/sbin:/sbin command -v "$proof" >/dev/null || missing+=("$package")
    fi
done
((${#missing[@]})) || exit 0

sudo=()
[[ $(id -u) == 0 ]] || sudo=(sudo)
echo "installing: ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin "$policy"
    trap '"${sudo[@]}" rm -f "$policy"' EXIT
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
