#!/usr/bin/env bash
# Makes the Debian package in target/dist from the built program: man pages, completions, documentation, licences, bill of
# materials, and a timer for renewals. Needs dpkg-deb alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh

root=$work/deb
share=$root/usr/share
doc=$share/doc/portcullis
rm -rf "$root"
install -D -m 755 "$binary" "$root/usr/bin/portcullis"
mkdir -p "$share"
cp -R "$work/tree/man" "$share/"
find "$share/man" -type f -exec gzip -9n {} +
install -D -m 644 "$work/tree/completions/portcullis.bash" "$share/bash-completion/completions/portcullis"
install -D -m 644 "$work/tree/completions/_portcullis" "$share/zsh/vendor-completions/_portcullis"
install -D -m 644 "$work/tree/completions/portcullis.fish" "$share/fish/vendor_completions.d/portcullis.fish"
for manager in system user; do
  install -D -m 644 -t "$root/usr/lib/systemd/$manager" packaging/systemd/portcullis-renew@.{service,timer}
done
mkdir -p "$doc"
cp -R README.md docs "$doc/"
find "$doc/docs" -name book.toml -delete
install -m 644 "$work/sbom.cdx.json" "$doc/portcullis.cdx.json"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
gzip -9nc "$work/licences.txt" >"$doc/licences-of-dependencies.txt.gz"
{
  printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: portcullis\n'
  printf 'Comment: What is linked in, and under which terms: licences-of-dependencies.txt.gz and portcullis.cdx.json beside this file.\n'
  printf '\nFiles: *\nCopyright: %s\nLicense: Expat or Apache-2.0\n' "$(sed -n 's/^Copyright (c) //p' LICENSE-MIT | head -n 1)"
  printf '\nLicense: Expat\n' && sed '1,/^Copyright/d; /./!s/.*/./; s/^/ /' LICENSE-MIT | sed '1{/^ \.$/d}'
  printf '\nLicense: Apache-2.0\n On Debian systems the text stands in /usr/share/common-licenses/Apache-2.0.\n'
} >"$doc/copyright"
chmod -R u=rwX,go=rX "$root"

mkdir -p "$root/DEBIAN"
install -m 755 packaging/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
cat >"$root/DEBIAN/control" <<END
Package: portcullis
Version: $version
Architecture: amd64
Maintainer: Portcullis maintainers <maintainers@portcullis.invalid>
Section: admin
Priority: optional
Depends: libc6 (>= $glibc)
Recommends: openssh-client
Suggests: bash-completion
Installed-Size: $(find "$root/usr" -type f -printf '%k\n' | awk '{ sum += $1 } END { print sum }')
Description: bootstrap and provisioning for appliances inside a customer's own network
 A site file says what a cluster must be. Portcullis finds out what it is, shows
 the difference, makes it so on every node over SSH through the jumphost that is
 the only way in, proves the result from outside, and lets people in for exactly
 as long as was agreed.
END
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$root" -depth -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --uniform-compression --build "$root" "$out/portcullis_${version}_amd64.deb" >/dev/null
