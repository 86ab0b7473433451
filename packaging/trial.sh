#!/usr/bin/env bash
# Tries the Debian package in target/dist as its users would: installed, used, taken off and purged, on a machine of the lab
# (Debian 12, with systemd running) and in an older Debian of its own. Needs root or sudo, the lab's image and `make dist`.
# The older Debian is 11 (glibc 2.31): the oldest that Debian's mirrors still hand out; that 2.28 is enough is proven by the
# versions of the symbols that the program asks for (inspect.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh

package=$out/portcullis_${version}_amd64.deb
old=$HOME/.cache/portcullis/dist/bullseye
lab=target/debug/lab
name=dist-$$
scratch=$(mktemp -d)
sudo=()
[[ $(id -u) == 0 ]] || sudo=(sudo)

finish() {
  "$lab" --lab "$name" down >/dev/null 2>&1 || true
  "${sudo[@]}" rm -rf "$scratch"
}
trap finish EXIT

# packaging/trial-inside.sh on a lab machine, which is given everything as one archive.
on_the_lab() {
  tar --create --directory="$scratch/given" . | "$lab" --lab "$name" exec a0-1 -- sh -c 'mkdir -p /tmp/given && tar -x -C /tmp/given'
  "$lab" --lab "$name" exec a0-1 -- sh /tmp/given/inside.sh /tmp/given
}

# The same in a copy of the older Debian, and a plan of the lab's site from there: a whole way over SSH with the old C library.
in_the_old_debian() {
  local root=$scratch/old mirror
  if [[ ! -e $old/.whole ]]; then
    "${sudo[@]}" rm -rf "$old"
    mkdir -p "${old%/*}"
    # shellcheck disable=SC2016 # apt's own words
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 'debian$' | sed 's,/*$,,')
    "${sudo[@]}" debootstrap --variant=minbase bullseye "$old" "$mirror" >"$work/debootstrap.log" 2>&1 ||
      { tail -n 5 "$work/debootstrap.log" >&2; return 1; }
    "${sudo[@]}" touch "$old/.whole"
  fi
  "${sudo[@]}" cp -a --reflink=auto "$old" "$root"
  "${sudo[@]}" cp -R "$scratch/given" "$root/tmp/given"
  "${sudo[@]}" chroot "$root" sh /tmp/given/inside.sh /tmp/given
  "${sudo[@]}" cp "$binary" "$root/usr/local/bin/portcullis"
  local state=$HOME/.local/state/portcullis/lab/$name
  "${sudo[@]}" mkdir -p "$root$(dirname "$state")"
  "${sudo[@]}" cp -R "$state" "$root$state"
  "$lab" --lab "$name" site | "${sudo[@]}" tee "$root/tmp/site.yaml" >/dev/null
  local code=0
  "${sudo[@]}" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" \
    /usr/local/bin/portcullis --site /tmp/site.yaml --non-interactive plan tls || code=$?
  [[ $code == 4 ]] || { echo "plan from the old Debian: exit code $code, expected 4" >&2; return 1; }
}

mkdir "$scratch/given"
cp "$package" "$scratch/given/portcullis.deb"
cp packaging/trial-inside.sh "$scratch/given/inside.sh"
cp -R certs-examples/good "$scratch/given/certificates"
cp -R certs-examples/authorities "$scratch/given/authorities"
"$lab" --lab "$name" up --nodes 1 --no-mail --no-proxy
on_the_lab
in_the_old_debian
echo "the package came, worked and went on both systems"
