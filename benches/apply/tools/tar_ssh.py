"""A hand-written parallel `tar | ssh`: the practical limit of what a shell can do."""

from pathlib import Path

from . import a_word_a_node
from .openssh import Openssh

_PEERS = Path(__file__).resolve().parent.parent / "peers"
# The key exchange that ours and the lab's servers have in common, at a seventh of the CPU of OpenSSH's default.
_QUICK = "  KexAlgorithms curve25519-sha256\n"


class TarSsh:
    """`peers/tar_ssh.sh`: it opens and ends its connection to the jumphost within each run, as ours does."""

    name = "tar-ssh"
    requirements = ()
    slow = False

    def __init__(self, given):
        self.count = len(given.lab.nodes)
        ssh = Openssh(given.folder, given.lab, more=_QUICK)
        self.ssh = ssh
        nodes = given.folder / "nodes"
        nodes.write_text("".join(f"{node['name']} {node['sudo'] or '-'}\n" for node in given.lab.nodes))
        self.command = [str(_PEERS / "tar_ssh.sh"), str(ssh.config), str(given.files), str(nodes)]

    def run(self, which):
        """Runs the script; returns the figures."""
        return a_word_a_node.run(self.command, self.count, which)

    def forget(self):
        """Nothing stays open between runs."""
