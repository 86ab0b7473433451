#!/bin/sh
# Runs inside the fresh base system, once: takes away what a lab machine must not start by itself.
set -eu

# Each machine brings its own identity; two machines with one host key would hide mistakes.
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id

for unit in ssh nginx chrony postfix dovecot squid atd cron apache-htcacheclean systemd-timesyncd systemd-resolved; do
  systemctl disable "$unit.service" 2>/dev/null || true
done
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  logrotate.timer man-db.timer exim4-base.timer systemd-networkd-wait-online.service systemd-udevd.service console-getty.service getty@.service \
  systemd-journal-catalog-update.service systemd-update-utmp.service ldconfig.service systemd-hwdb-update.service; do
  systemctl mask "$unit" 2>/dev/null || true
done
systemctl enable systemd-networkd.service
systemctl set-default multi-user.target

mkdir -p /etc/systemd/journald.conf.d
# The journal is read by tests after a reboot; fifty of them must fit into memory.
cat >/etc/systemd/journald.conf.d/lab.conf <<'CONF'
[Journal]
Storage=persistent
SystemMaxUse=16M
SystemMaxFileSize=2M
RuntimeMaxFileSize=1M
CONF

# A machine of the lab shares the host's clock and may not set it; chrony measures all the same (-x).
mkdir -p /etc/systemd/system/chrony.service.d
cat >/etc/systemd/system/chrony.service.d/lab.conf <<'CONF'
[Unit]
ConditionCapability=
[Service]
CONF
printf 'DAEMON_OPTS="-F 1 -x"\n' >/etc/default/chrony
