"""The job that all contestants do on a node, and the proof that it was done.

Ours renders the files from the site file. The others are handed them rendered, as they came out of one run of ours.
"""

# Path and mode of what is put onto a node; all of it belongs to root.
FILES = {
    "etc/portcullis/tls/site.pfx": "0600",
    "etc/portcullis/tls/site.pfx.password": "0600",
    "etc/portcullis/tls/chain.pem": "0644",
    "etc/portcullis/tls/key.pem": "0600",
    "etc/nginx/conf.d/portcullis.conf": "0644",
    "etc/postfix/portcullis-ca.pem": "0644",
    "etc/postfix/portcullis-sasl-password": "0600",
    "etc/postfix/main.cf": "0644",
    "usr/local/share/ca-certificates/portcullis-proxy-1.crt": "0644",
    "etc/environment": "0644",
    "etc/systemd/system.conf.d/50-portcullis-proxy.conf": "0644",
    "etc/apt/apt.conf.d/50portcullis-proxy": "0644",
}
# Encrypted anew, under a password of its own, at each first run of ours: what is in it is the same, its bytes are not.
SALTED = {"etc/portcullis/tls/site.pfx", "etc/portcullis/tls/site.pfx.password"}

_KEPT = "etc/nginx etc/postfix etc/environment etc/apt etc/systemd etc/ssl/certs usr/local/share/ca-certificates"
# Run once on a fresh node.
KEEP = f"tar -C / -cf /root/first.tar {_KEPT}"
# The first state: each contestant's first run starts from it. Services run under the first configuration.
PUT_BACK = f"""set -e
cd / && rm -rf etc/portcullis var/lib/portcullis {_KEPT} && tar -xpf /root/first.tar
systemctl daemon-reload && systemctl restart nginx postfix"""

# Prints what a run leaves behind; the lines before `--` are the wanted state, those after it tell a touched node from an untouched one.
LOOK = f"""cd / && sha256sum {" ".join(FILES)}
stat -c 'mode 0%a %U %n' {" ".join(FILES)}
[ -e etc/nginx/sites-enabled/default ] || echo no default site
systemctl is-active nginx postfix
grep -q ':01BB 0*:0000 0A' /proc/net/tcp && echo port 443
grep -q ':0019 0*:0000 0A' /proc/net/tcp && echo port 25
openssl verify -CApath /etc/ssl/certs usr/local/share/ca-certificates/portcullis-proxy-1.crt
openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt usr/local/share/ca-certificates/portcullis-proxy-1.crt
echo --
stat -c '%n %i %Z' {" ".join(FILES)} etc/ssl/certs/ca-certificates.crt etc/nginx/sites-enabled
pgrep -P "$(cat run/nginx.pid)" | tr '\\n' ' '
cat var/spool/postfix/pid/master.pid"""


def wanted_of(seen):
    """What LOOK printed, reduced to what must be alike after every contestant's first run."""
    lines = seen.split("--\n")[0].splitlines()
    return [line for line in lines if line.split()[-1] not in SALTED or line.startswith("mode")]
