"""An operator with a site, a ledger and a person's key of its own, on a lab that goes with this process."""

import json
import os
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

PROGRAM = Path(os.environ.get("PORTCULLIS", "target/debug/portcullis")).absolute()
LAB = Path(os.environ.get("PORTCULLIS_LAB_PROGRAM", "target/debug/lab")).absolute()

# What of windows a machine has left, one thing a line.
LEFT = (
    "ls -A /etc/ssh/portcullis/principals /var/lib/portcullis/windows 2>/dev/null | grep '^w-'; "
    "ls /etc/ssh/portcullis/principals 2>/dev/null; ls /etc/systemd/system /etc/sudoers.d | grep portcullis-w; "
    "systemctl list-units --all --plain --no-legend 'portcullis-window-*' | grep -v -e ' failed ' -e ' inactive '; true"
)


class Operator:
    """Boots a lab of `nodes` nodes and takes its place in front of it."""

    def __init__(self, name, nodes, policy=""):
        self.name = name
        self.lab("down", check=False)
        self.lab("up", "--nodes", str(nodes), "--no-mail", "--no-proxy", "--until-exit-of", str(os.getpid()))
        self.folder = Path(tempfile.mkdtemp(prefix="portcullis-windows-"))
        lines = [line for line in self.lab("site").splitlines() if not line.startswith("ledger:")]
        site = "\n".join([*lines, "ledger: {file: ledger.sqlite}", ""]).replace("access: {", f"access: {{{policy}")
        (self.folder / "site.yaml").write_text(site)
        (self.folder / "home").mkdir()
        key = self.folder / "ada"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        self.nodes = [f"a0-{number + 1}" for number in range(nodes)]

    def lab(self, *words, check=True):
        """Runs the lab's program; returns what it prints."""
        done = subprocess.run([LAB, "--lab", self.name, *words], check=check, capture_output=True, text=True)
        return done.stdout

    def start(self, *words):
        """Starts the program."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "USER": "operator"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([PROGRAM, *words], cwd=self.folder, env=environment, text=True, **pipes)

    def run(self, *words):
        """Runs the program; returns its exit code and what it says."""
        child = self.start(*words)
        out, err = child.communicate()
        return child.returncode, out, err

    @staticmethod
    def opening(nodes, length):
        """The words that open a window for ada."""
        words = ["access", "open", "--who", "ada", "--reason", "endurance", "--key", "ada.pub", "--for", length]
        return [*words, "--node", ",".join(nodes), "--output", "json"]

    def ssh(self, window, node, command):
        """Starts the person's own ssh."""
        config = self.folder / "windows" / window / "ssh_config"
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(["timeout", "120", "ssh", "-F", config, node, command], **pipes)

    def left(self):
        """What of windows is left on any machine."""
        said = {machine: self.lab("exec", machine, "--", "sh", "-c", LEFT).split() for machine in ["jump", *self.nodes]}
        return {machine: lines for machine, lines in said.items() if lines}


def window_of(out):
    """The window's id and its end, in seconds, from the last event of an opening."""
    window = json.loads(out.splitlines()[-1])["window"]
    return window["id"], datetime.fromisoformat(window["to"].replace("Z", "+00:00")).timestamp()
