# shellcheck shell=bash disable=SC2034 # what the others read
# Sourced by the scripts beside it, from the top of the checkout: what is built, for what, and where it goes.
export LC_ALL=C TZ=UTC
umask 022
triple=x86_64-unknown-linux-gnu
# The oldest C library that the program starts with: that of Debian 10, RHEL 8 and SLES 15.
glibc=2.28
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
# The instant that every file, archive and page is dated to: that of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
top=$PWD
work=$top/target/packaging
out=$top/target/dist
binary=$work/cargo/$triple/release/portcullis
cargo_home=${CARGO_HOME:-$HOME/.cargo}
