"""A hand-written parallel `tar | ssh`: the practical limit of what a shell can do."""

from pathlib import Path

from .. import measure
from .openssh import Openssh

_PEERS = Path(__file__).resolve().parent.parent / "peers"
# The key exchange that ours and the lab's servers have in common, at a seventh of the CPU of OpenSSH's default.
_QUICK = "  KexAlgorithms curve25519-sha256\n"


def words(text, count):
    """Raises unless each of `count` nodes said that it was changed, or that it was not; returns that word."""
    said = {line.split()[-1] for line in text.splitlines()}
    if len(text.splitlines()) != count or len(said) != 1:
        raise RuntimeError(f"not as it should be: {text[-3000:]}")
    return said.pop()


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
        figures, text = measure.run(self.command)
        if words(text, self.count) != ("changed" if which == "first" else "unchanged"):
            raise RuntimeError(f"not as it should be: {text[-3000:]}")
        return figures

    def forget(self):
        """Nothing stays open between runs."""
