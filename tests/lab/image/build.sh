#!/bin/sh
# Makes the lab's base system: build.sh TARGET SUITE MIRROR COMPONENTS PACKAGES RIVALS (the last three comma-separated).
set -eu
target=$1 suite=$2 mirror=$3 components=$4 packages=$5 rivals=$6
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# Where apt goes through a proxy, debootstrap must too.
if command -v apt-config >/dev/null; then
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  if [ -n "${proxy:-}" ] && [ "$proxy" != DIRECT ]; then export http_proxy="$proxy"; fi
fi
debootstrap --variant=minbase --components="$components" --include="$packages" "$suite" "$target" "$mirror" 2>&1
cp "$(dirname "$0")/provision.sh" "$target/run/provision.sh"
chroot "$target" /bin/sh /run/provision.sh 2>&1
# What cannot be installed beside its rivals is unpacked in a folder of its own.
for rival in $(echo "$rivals" | tr ',' ' '); do
  # shellcheck disable=SC2016 # the inner shell's
  chroot "$target" /bin/sh -ec 'cd /var/tmp
    [ -n "$(ls /var/lib/apt/lists)" ] || apt-get -q -o APT::Sandbox::User=root update
    apt-get -q -o APT::Sandbox::User=root download "$1"
    mkdir -p "/opt/rivals/$1"
    dpkg-deb -x ./"$1"_*.deb "/opt/rivals/$1"
    rm ./"$1"_*.deb' sh "$rival" 2>&1
done
# What was fetched, and what nobody reads, is of no use to a booted machine.
rm -rf "$target"/run/provision.sh "$target"/var/cache/apt/archives/*.deb "$target"/var/lib/apt/lists/*
rm -rf "$target"/usr/share/doc/* "$target"/usr/share/man/* "$target"/usr/share/locale/* "$target"/var/cache/apt/*.bin
