"""Ansible, tuned, and the same with Mitogen in the place of its modules' transport."""

import os
import re
import shutil
from pathlib import Path

from .. import measure
from .openssh import Openssh

_PEERS = Path(__file__).resolve().parent.parent / "peers"


class AnsibleTuned:
    """Pipelining, one kept connection a machine, all machines at once; the jumphost's connection stands before it is timed."""

    name = "ansible-tuned"
    requirements = ("ansible-core==2.19.*",)
    slow = True
    config = "ansible.cfg"

    def __init__(self, given):
        self.folder = given.folder
        shutil.copytree(_PEERS / "ansible", self.folder, dirs_exist_ok=True)
        (self.folder / "files").symlink_to(given.files)
        self.ssh = Openssh(self.folder, given.lab, keep_nodes=True)
        (self.folder / "inventory.ini").write_text(self._inventory(given.lab))
        self.count = len(given.lab.nodes)
        self.command = [str(given.venv / "bin/ansible-playbook"), "playbook.yaml"]
        self.env = os.environ | {"ANSIBLE_CONFIG": str(self.folder / self.config), "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp")}
        self.env |= self._environment(given.venv)

    def _environment(self, venv):
        return {}

    def _inventory(self, lab):
        lines = ["[nodes]"]
        for node in lab.nodes:
            line = f"{node['name']} ansible_user={node['user']} files=files/{node['name']}"
            if node["sudo"]:
                line += f" ansible_become_password={Path(node['sudo']).read_text().strip()}"
            lines.append(line)
        return "\n".join(lines) + "\n"

    def run(self, which):
        """Runs the playbook; returns the figures."""
        if which == "first":
            self.ssh.connect()
        figures, text = measure.run(self.command, self.folder, self.env)
        recap = re.findall(r"ok=\d+ +changed=(\d+) +unreachable=0 +failed=0", text)
        if len(recap) != self.count or any((changed != "0") != (which == "first") for changed in recap):
            raise RuntimeError(f"not as it should be: {text[-3000:]}")
        return figures

    def forget(self):
        """The next first run begins as ours does: with no connection."""
        self.ssh.forget()


class AnsibleMitogen(AnsibleTuned):
    """The same playbook through Mitogen's strategy, which keeps one interpreter a node and sends it each module once."""

    name = "ansible-mitogen"
    # 0.3.26 was the first to support ansible-core 2.19.
    requirements = ("ansible-core==2.19.*", "mitogen>=0.3.26,<0.4")
    config = "mitogen.cfg"

    def _environment(self, venv):
        found = next(venv.glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy"))
        return {"ANSIBLE_STRATEGY_PLUGINS": str(found)}
