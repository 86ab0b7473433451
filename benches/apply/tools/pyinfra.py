"""pyinfra: all nodes at once, no waiting for each other between operations, the jumphost's connection kept by OpenSSH."""

import json
import os
import re
import shutil
from pathlib import Path

from .. import job, measure
from .openssh import Openssh

_PEERS = Path(__file__).resolve().parent.parent / "peers"


class Pyinfra:
    """Its own SSH client logs in to the jumphost once for each node, which a stock MaxStartups does not let pass on fifty nodes.

    So it is given a ProxyCommand that goes through one connection of OpenSSH, as its users do.
    """

    name = "pyinfra"
    requirements = ("pyinfra==3.*",)
    slow = False

    def __init__(self, given):
        self.folder = given.folder
        shutil.copytree(_PEERS / "pyinfra", self.folder, dirs_exist_ok=True)
        self.jump = Openssh(self.folder, given.lab)
        # For its own client: the addresses are in the inventory.
        own = self.folder / "pyinfra_ssh_config"
        own.write_text(
            f"Host *\n  UserKnownHostsFile {given.lab.known_hosts}\n  StrictHostKeyChecking yes\n"
            f"  ProxyCommand ssh -F {self.jump.config} -W %h:%p jump\n"
        )
        nodes = [
            {
                "address": node["address"],
                "ssh_user": node["user"],
                "ssh_key": node["key"],
                "ssh_config_file": str(own),
                "ssh_allow_agent": False,
                "ssh_look_for_keys": False,
                "_sudo_password": Path(node["sudo"]).read_text().strip() if node["sudo"] else None,
                "folder": str(given.files / node["name"]),
            }
            for node in given.lab.nodes
        ]
        (self.folder / "job.json").write_text(json.dumps({"nodes": nodes, "files": job.FILES}))
        self.command = [str(given.venv / "bin/pyinfra"), "-y", "--no-wait", "--parallel", "200", "inventory.py", "deploy.py"]

    def run(self, which):
        """Runs the deploy; returns the figures."""
        if which == "first":
            self.jump.connect()
        figures, text = measure.run(self.command, self.folder, os.environ)
        total = re.search(r"Grand total +(\S+) +(\S+) +(\S+) +(\S+)", text)
        if not total or total.group(3) != "-" or (total.group(2) == "-") != (which == "second"):
            raise RuntimeError(f"not as it should be: {text[-3000:]}")
        return figures

    def forget(self):
        """The next first run begins as ours does: with no connection."""
        self.jump.forget()
