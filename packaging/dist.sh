#!/usr/bin/env bash
# Makes everything that a release consists of, in target/dist: the program with its pages and completions as an archive, the
# Debian package, the bill of materials, and the checksums of all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh

packaging/binary.sh
rm -rf "$out" "$work/tree"
mkdir -p "$out" "$work/tree/completions"
python3 packaging/sbom.py "$triple" "$(rustc --version)" "$work/sbom.cdx.json" "$work/licences.txt"
"$work/venv/bin/python" packaging/check_sbom.py "$work/sbom.cdx.json"
cp "$work/sbom.cdx.json" "$out/portcullis-$version.cdx.json"

install -m 755 "$binary" "$work/tree/portcullis"
"$binary" man --out "$work/tree/man/man1" >/dev/null
"$binary" completions bash >"$work/tree/completions/portcullis.bash"
"$binary" completions zsh >"$work/tree/completions/_portcullis"
"$binary" completions fish >"$work/tree/completions/portcullis.fish"
"$binary" completions powershell >"$work/tree/completions/portcullis.ps1"
cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/licences.txt" "$work/tree/"
name=portcullis-$version-x86_64-linux
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
  --directory="$work/tree" --transform="s,^\.,$name," . | xz -9 -T1 >"$out/$name.tar.xz"
packaging/deb.sh
(cd "$out" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
