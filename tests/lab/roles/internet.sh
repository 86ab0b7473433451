#!/bin/sh
# Everything outside: one web server that answers for the appliance's destinations, over TLS with a certificate of the lab.
set -eu
useradd --create-home --shell /bin/bash admin
install -d -m 700 -o admin -g admin /home/admin/.ssh
rm -f /etc/nginx/sites-enabled/default
cat >/etc/nginx/conf.d/internet.conf <<'CONF'
server {
  listen 80 default_server;
  listen 443 ssl default_server;
  ssl_certificate /etc/ssl/lab/chain.pem;
  ssl_certificate_key /etc/ssl/lab/key.pem;
  location / {
    default_type text/plain;
    return 200 "this is $host\n";
  }
}
CONF
systemctl enable ssh.service nginx.service
