#!/bin/sh
# The customer's proxy: explicit, on 3128, demands authentication but for what the exceptions file names.
set -eu
useradd --create-home --shell /bin/bash admin
install -d -m 700 -o admin -g admin /home/admin/.ssh

cat >/etc/squid/squid.conf <<'CONF'
http_port 3128
visible_hostname proxy.lab.example
dns_nameservers 10.77.0.2
auth_param basic program /usr/lib/squid/basic_ncsa_auth /etc/squid/passwd
auth_param basic realm lab
auth_param basic children 2 startup=1
acl clients src 10.77.0.0/24 10.76.0.0/24
acl safe_ports port 80 443
acl tls_ports port 443
acl CONNECT method CONNECT
acl authenticated proxy_auth REQUIRED
# The list must exist while the exceptions file is still empty.
acl portcullis_exceptions dstdomain no-exception.invalid
include /etc/squid/portcullis-exceptions.conf
http_access deny !clients
http_access deny !safe_ports
http_access deny CONNECT !tls_ports
http_access allow portcullis_exceptions
http_access allow authenticated
http_access deny all
cache deny all
cache_mem 8 MB
pinger_enable off
shutdown_lifetime 1 second
access_log stdio:/var/log/squid/access.log
CONF
printf '# Destinations that need no authentication, one "acl portcullis_exceptions dstdomain NAME" a line.\n' \
  >/etc/squid/portcullis-exceptions.conf
systemctl enable ssh.service squid.service
