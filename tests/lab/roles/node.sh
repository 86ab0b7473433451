#!/bin/sh
# A node of the appliance: LOGIN_USER (default admin) may become root without a password.
set -eu
user=${LOGIN_USER:-admin}
useradd --create-home --shell /bin/bash "$user"
install -d -m 700 -o "$user" -g "$user" "/home/$user/.ssh"
printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" >/etc/sudoers.d/lab
chmod 440 /etc/sudoers.d/lab

cat >/etc/chrony/chrony.conf <<'CONF'
driftfile /var/lib/chrony/chrony.drift
server jump.lab.example iburst minpoll 2 maxpoll 4
CONF

# A null client that has not been told its relay yet.
# shellcheck disable=SC2016 # $mydomain is postfix's
postconf -e 'inet_interfaces = loopback-only' 'inet_protocols = ipv4' 'mydestination =' 'mynetworks = 127.0.0.0/8' \
  'relayhost =' 'myorigin = $mydomain' 'mydomain = lab.example'

# As `postfix quick-stop` leaves it: the first start does not check every file of the installation anew, half a second of a node's boot.
postfix check
touch /var/spool/postfix/quick-start

systemctl enable ssh.service nginx.service postfix.service chrony.service atd.service cron.service
