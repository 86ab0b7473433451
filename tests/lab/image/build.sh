#!/bin/sh
# Makes the lab's base system: build.sh TARGET SUITE MIRROR COMPONENTS PACKAGES (the last two comma-separated).
set -eu
target=$1 suite=$2 mirror=$3 components=$4 packages=$5
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# Where apt goes through a proxy, debootstrap must too.
if command -v apt-config >/dev/null; then
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  if [ -n "${proxy:-}" ] && [ "$proxy" != DIRECT ]; then export http_proxy="$proxy"; fi
fi
debootstrap --variant=minbase --components="$components" --include="$packages" "$suite" "$target" "$mirror" 2>&1
cp "$(dirname "$0")/provision.sh" "$target/run/provision.sh"
chroot "$target" /bin/sh /run/provision.sh 2>&1
# What was fetched, and what nobody reads, is of no use to a booted machine.
rm -rf "$target"/run/provision.sh "$target"/var/cache/apt/archives/*.deb "$target"/var/lib/apt/lists/*
rm -rf "$target"/usr/share/doc/* "$target"/usr/share/man/* "$target"/usr/share/locale/* "$target"/var/cache/apt/*.bin
