#!/usr/bin/env bash
# Whether the release depends on where and when it is built: builds the commit once more, from a clone in another folder and with
# nothing that was built before, and compares the checksums with those in target/dist. What is not committed is not built.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh

[[ -e $out/SHA256SUMS ]] || { echo "nothing to compare with: make dist" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone --quiet --no-hardlinks . "$folder/elsewhere"
"$folder/elsewhere/packaging/dist.sh" >"$work/twice.log" 2>&1 || { tail -n 20 "$work/twice.log" >&2; exit 1; }
diff "$out/SHA256SUMS" "$folder/elsewhere/target/dist/SHA256SUMS" || { echo "two builds differ" >&2; exit 1; }
echo "two builds, two folders, the same bytes"
