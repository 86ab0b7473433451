#!/bin/sh
# Runs on the machine that the package is tried on, as root: trial-inside.sh FOLDER, with portcullis.deb and certificates in FOLDER.
set -eu
given=$1
export LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive
# Not under /tmp: the unit has one of its own.
site=/srv/my-site

fail() { echo "trial: $*" >&2; exit 1; }
# What is on the machine, less what lives by itself and dpkg's own books.
listing() {
  find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/cache \
    -o -path /var/lib/dpkg -o -path /var/lib/systemd/random-seed -o -path /var/lib/chrony -o -path /var/tmp \
    -o -path /var/lib/private -o -path /root/.local \) -prune -o -print | sort
}
booted() { [ -d /run/systemd/system ]; }

# systemd's own, made at the first timer that catches up.
if booted; then mkdir -p /var/lib/systemd/timers; fi
listing >"$given/before"
dpkg --install "$given/portcullis.deb"
portcullis --version
root=$given/authorities/rsa-root.pem
portcullis cert check "$given/certificates/rsa/chain.pem" --key "$given/certificates/rsa/server.key" --name manage.example.com \
  --root "$root" --at 2026-12-01T00:00:00Z
PASSWORD=trial portcullis cert pfx --in "$given/certificates/rsa/chain.pem" --key "$given/certificates/rsa/server.key" --root "$root" \
  --at 2026-12-01T00:00:00Z --password-from env:PASSWORD --out "$given/site.pfx"
portcullis cert explain "$given/site.pfx" >/dev/null
gzip -dc /usr/share/man/man1/portcullis-access-open.1.gz | grep -q '^\.TH' || fail 'no man page'
for file in bash-completion/completions/portcullis zsh/vendor-completions/_portcullis fish/vendor_completions.d/portcullis.fish; do
  grep -q portcullis "/usr/share/$file" || fail "no completions in $file"
done
(cd / && md5sum --quiet -c /var/lib/dpkg/info/portcullis.md5sums)

# A site of no reachable machine: renewing has nothing to renew, and says so.
mkdir -p "$site"
cat >"$site/site.yaml" <<END
site: trial
environment: development
route: {vpn: true}
nodes: [{name: a0-1, address: 127.0.0.1, user: nobody}]
names: {dashboard: manage.trial.example, configuration: config.trial.example, webtask: webtask.trial.example, tenants: [id.trial.example]}
END
portcullis --site "$site/site.yaml" access renew | grep 'no standing window' || fail 'access renew'
portcullis --site "$site/site.yaml" access list

if booted; then
  systemd-analyze --man=no verify /usr/lib/systemd/system/portcullis-renew@.timer /usr/lib/systemd/system/portcullis-renew@.service
  mkdir -p "$given/run"
  XDG_RUNTIME_DIR=$given/run systemd-analyze --user --man=no verify /usr/lib/systemd/user/portcullis-renew@.timer 2>&1 || fail 'the unit for users'
  timer=$(systemd-escape --path --template=portcullis-renew@.timer "$site")
  service=$(systemd-escape --path --template=portcullis-renew@.service "$site")
  systemctl enable --now "$timer"
  systemctl start "$service"
  journalctl --unit "$service" --output=cat | grep 'no standing window' || fail "the unit did not renew: $(journalctl -u "$service")"
  systemctl is-active --quiet "$timer" || fail 'the timer does not wait'
fi

dpkg --remove portcullis
if booted && systemctl is-active --quiet "$timer"; then fail 'the timer runs on without its program'; fi
dpkg --purge portcullis
rm -rf "$site"
listing >"$given/after"
diff "$given/before" "$given/after" || fail 'the package left something behind, or took something along'
