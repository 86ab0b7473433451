#!/bin/sh
# The jumphost: stock sshd, three ways to log in; name and time server of the inner network.
set -eu
useradd --create-home --shell /bin/bash ops
# opspw: password or keyboard-interactive; opskbd: keyboard-interactive alone. Their password is the lab's own, set at `up`.
useradd --create-home --shell /bin/bash opspw
useradd --create-home --shell /bin/bash opskbd
install -d -m 700 -o ops -g ops /home/ops/.ssh
# Windows are opened and closed here too, and that takes root.
printf 'ops ALL=(ALL:ALL) NOPASSWD: ALL\n' >/etc/sudoers.d/lab
chmod 440 /etc/sudoers.d/lab
cat >/etc/ssh/sshd_config.d/lab.conf <<'CONF'
Match User opspw
    KbdInteractiveAuthentication yes
Match User opskbd
    PasswordAuthentication no
    KbdInteractiveAuthentication yes
CONF
cat >/etc/chrony/chrony.conf <<'CONF'
driftfile /var/lib/chrony/chrony.drift
local stratum 8
allow 10.77.0.0/24
CONF
cat >/etc/systemd/system/lab-dns.service <<'CONF'
[Unit]
Description=Names of the lab, from this machine's hosts file
[Service]
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --no-resolv --no-daemon --domain-needed --local=/lab.example/ --bind-dynamic --interface=host0 --log-facility=-
Restart=on-failure
[Install]
WantedBy=multi-user.target
CONF
systemctl enable ssh.service chrony.service lab-dns.service
