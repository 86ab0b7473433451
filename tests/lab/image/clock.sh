#!/bin/sh
# Runs inside a machine: clock.sh SECONDS sets the clock that its services and shells see off by SECONDS, 0 puts it right.
set -eu
offset=$1
drop=/etc/systemd/system.conf.d/lab-clock.conf
# A user's systemd cannot run on a skewed clock (its event loop ends with EINVAL); what it starts is no matter of the lab's.
user=/etc/systemd/system/user@.service.d/lab-clock.conf
sed -i '/# lab clock$/d' /etc/pam.d/sudo
if [ -f /etc/environment ]; then sed -i '/^LD_PRELOAD=.*faketime\|^FAKETIME/d' /etc/environment; fi
if [ "$offset" = 0 ]; then
  rm -f /etc/faketimerc "$drop" "$user"
else
  for library in /usr/lib/*/faketime/libfaketimeMT.so.1; do :; done
  case $offset in -*) printf '%s\n' "$offset" ;; *) printf '+%s\n' "${offset#+}" ;; esac >/etc/faketimerc
  mkdir -p "${drop%/*}" "${user%/*}"
  printf '[Service]\nUnsetEnvironment=LD_PRELOAD\n' >"$user"
  # Monotonic clocks stay true (systemd and chrony time themselves by them), and no shared memory: sandboxed services may make none.
  set -- "LD_PRELOAD=$library" FAKETIME_TIMESTAMP_FILE=/etc/faketimerc FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    FAKETIME_DISABLE_SHM=1
  printf '[Manager]\nDefaultEnvironment=%s\n' "$*" >"$drop"
  printf '%s\n' "$@" >>/etc/environment
  # sudo cleans the environment it was given; PAM may add to the clean one.
  printf 'session required pam_env.so readenv=1 user_readenv=0 # lab clock\n' >>/etc/pam.d/sudo
fi
systemctl daemon-reexec
for unit in ssh chrony nginx postfix@- squid dovecot cron atd; do
  if systemctl --quiet is-active "$unit.service"; then systemctl restart "$unit.service"; fi
done
