"""What `portcullis apply bootstrap` does on a node, from rendered files; it neither waits for ports nor keeps what it replaces."""

import json
from pathlib import Path

from pyinfra import config, host
from pyinfra.operations import files, server, systemd
from pyinfra.operations.util import any_changed

config.SUDO = True
FILES = json.loads((Path(__file__).parent / "job.json").read_text())["files"]


def put(*prefixes):
    """Puts the files below `prefixes`."""
    return [
        files.put(name=path, src=f"{host.data.folder}/{path}", dest=f"/{path}", mode=mode, user="root", group="root")
        for path, mode in FILES.items()
        if path.startswith(prefixes)
    ]


nginx = put("etc/portcullis", "etc/nginx")
nginx.append(files.link(name="nothing is served without TLS", path="/etc/nginx/sites-enabled/default", present=False))
server.shell(name="nginx takes up the change", commands=["nginx -t", "systemctl reload nginx"], _if=any_changed(*nginx))
systemd.service(name="nginx runs", service="nginx", running=True, enabled=True)

postfix = put("etc/postfix")
server.shell(
    name="postfix takes up the change",
    commands=["postmap -q x static:x && touch /var/spool/postfix/quick-start && systemctl restart postfix"],
    _if=any_changed(*postfix),
)
systemd.service(name="postfix runs", service="postfix", running=True, enabled=True)

trust = put("usr/local/share/ca-certificates")
server.shell(name="the trust store", commands=["update-ca-certificates"], _if=any_changed(*trust))
put("etc/environment", "etc/apt")
systemd_files = put("etc/systemd")
server.shell(name="systemd takes up the change", commands=["systemctl daemon-reload"], _if=any_changed(*systemd_files))
