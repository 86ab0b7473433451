"""A minimal asynchronous program on AsyncSSH that does this one job: the bench's floor."""

import json
from pathlib import Path

from . import a_word_a_node

_PEERS = Path(__file__).resolve().parent.parent / "peers"


class AsyncSsh:
    """`peers/asyncssh_floor.py`: one connection to the jumphost, all nodes tunnelled through it, one command a node."""

    name = "asyncssh"
    requirements = ("asyncssh==2.*",)
    slow = False

    def __init__(self, given):
        lab = given.lab
        plan = {"jump": lab.jump, "nodes": lab.nodes, "known_hosts": lab.known_hosts, "files": str(given.files)}
        (given.folder / "job.json").write_text(json.dumps(plan))
        self.count = len(lab.nodes)
        self.command = [str(given.venv / "bin/python"), str(_PEERS / "asyncssh_floor.py"), str(given.folder / "job.json")]

    def run(self, which):
        """Runs the program; returns the figures."""
        return a_word_a_node.run(self.command, self.count, which)

    def forget(self):
        """Nothing stays open between runs."""
