#!/bin/sh
# Runs inside the fresh base system, once: takes away what a lab machine must not start by itself.
set -eu

# Each machine brings its own identity; two machines with one host key would hide mistakes.
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id

for unit in ssh nginx haproxy chrony postfix dovecot squid atd cron apache-htcacheclean systemd-timesyncd systemd-resolved; do
  systemctl disable "$unit.service" 2>/dev/null || true
done
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  logrotate.timer man-db.timer systemd-networkd-wait-online.service console-getty.service getty@.service; do
  systemctl mask "$unit" 2>/dev/null || true
done
# Fifty machines boot on two cores: what concerns hardware, disks and a first start is left out.
for unit in dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
  sys-kernel-tracing.mount proc-sys-fs-binfmt_misc.automount modprobe@.service systemd-update-utmp.service \
  systemd-update-utmp-runlevel.service systemd-network-generator.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
  systemd-ask-password-console.path systemd-ask-password-wall.path systemd-firstboot.service systemd-machine-id-commit.service; do
  systemctl mask "$unit" 2>/dev/null || true
done
mkdir -p /etc/systemd/system-generators
for generator in cryptsetup debug getty gpt-auto hibernate-resume integritysetup rc-local run system-update veritysetup; do
  ln -s /dev/null "/etc/systemd/system-generators/systemd-$generator-generator"
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
CONF
printf 'DAEMON_OPTS="-F 1 -x"\n' >/etc/default/chrony

# Nothing is left to be brought up to date at a boot (systemd-sysusers and its like look at these).
touch -r /usr /etc/.updated /var/.updated
