#!/usr/bin/env bash
# The whole road, as a user walks it, on a lab of its own.
set -euo pipefail

lab=target/debug/lab
portcullis=target/debug/portcullis
name=demo-$$
folder=$(mktemp -d)
export PORTCULLIS_SITE=$folder/site.yaml

finish() {
    "$lab" --lab "$name" down >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap finish EXIT

say() { printf '\n\033[1m── %s\033[0m\n' "$*"; }
# A command whose exit code is part of what is shown.
expect() {
    local code=0 wanted=$1
    shift
    printf '$ %s\n' "$*"
    "$portcullis" "${@:2}" || code=$?
    [[ $code == "$wanted" ]] || { echo "exit code $code, expected $wanted" >&2; exit 1; }
}

say "A jumphost, three nodes behind it, a mail server, a proxy that demands a login: real Debian systems"
"$lab" --lab "$name" up --nodes 3
"$lab" --lab "$name" site >"$PORTCULLIS_SITE"

say "The proxy demands a login. Its administrators are given the exceptions, as squid wants them"
"$portcullis" render proxy --out "$folder/handouts" >/dev/null 2>&1
cat "$folder/handouts/squid-exceptions.conf"
"$lab" --lab "$name" exec proxy -- sh -c 'cat > /etc/squid/portcullis-exceptions.conf && systemctl reload squid' \
    <"$folder/handouts/squid-exceptions.conf"

say "site check: the site file alone"
expect 0 portcullis site check
say "check: what can be seen before anything is touched"
expect 0 portcullis check
say "plan: what would change on each node (exit code 4: there are changes)"
expect 4 portcullis plan --limit a0-1
say "apply: all nodes at once, each as a transaction"
expect 0 portcullis apply --yes
say "apply again: nothing to change"
expect 0 portcullis apply --yes
say "verify: from outside, as a user of the appliance meets it"
expect 0 portcullis verify
say "status: the place one comes back to"
expect 0 portcullis status
say "audit: what was done, by whom; each event signed and chained"
expect 0 portcullis audit log
expect 0 portcullis audit verify
say "rollback: what the run replaced is back"
expect 0 portcullis rollback --yes
say "Done. The same by hand: make lab-up, then target/debug/lab site > site.yaml"
