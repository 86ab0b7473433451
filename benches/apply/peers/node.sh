#!/bin/sh
# The job on one node, for the contestants that are a script: run as root by `sh -c`, fed with sha256sum's lines, an empty
# line, and a tar. It has to be hard to beat, so it takes every short cut that leaves the node in the same state.
# What it lacks beside a run of ours: no lock, nothing kept or undone when a step fails, files are not whole at each moment,
# modes and owners are not compared, and a second run trusts that services run what the files say.
set -eu
sums=$(while IFS= read -r line && [ -n "$line" ]; do printf '%s\n' "$line"; done)
cd /
if [ ! -e etc/nginx/sites-enabled/default ] && systemctl -q is-active nginx postfix && printf '%s\n' "$sums" | sha256sum -c --status 2>/dev/null; then
  echo unchanged
  exit 0
fi
umask 022
tar -xpf -
rm -f etc/nginx/sites-enabled/default
nginx -t -q
postmap -q x static:x >/dev/null
touch var/spool/postfix/quick-start
# As update-ca-certificates would, for the one certificate that is new.
ca=usr/local/share/ca-certificates/portcullis-proxy-1.crt
if [ ! -e etc/ssl/certs/portcullis-proxy-1.pem ]; then
  ln -s "/$ca" etc/ssl/certs/portcullis-proxy-1.pem
  ln -s portcullis-proxy-1.pem "etc/ssl/certs/$(openssl x509 -noout -subject_hash -in "$ca").0"
  cat "$ca" >>etc/ssl/certs/ca-certificates.crt
fi
systemctl daemon-reload
systemctl reload nginx
systemctl restart postfix
for port in 01BB 0019; do
  until grep -q ":$port 0*:0000 0A" proc/net/tcp; do sleep 0.1; done
done
echo changed
