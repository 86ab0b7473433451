"""A standing lab: its machines, what they are put back to, and what its traffic and its processes cost."""

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import job

# A machine's line in the site file that `lab site` prints.
_FIELDS = ("name", "address", "port", "user", "key", "sudo")
_MACHINE = (
    r"\{name: ([\w-]+), address: ([\d.]+), (?:port: (\d+), )?user: (\w+), "
    r'identities: \["([^"]+)"\][^}\n]*?(?:sudo_password: "file:([^"]+)")?\}'
)
_REGISTRY = Path("/run/portcullis-lab/labs")
_TICK = os.sysconf("SC_CLK_TCK")


class Lab:
    """Boots a lab of `nodes` nodes; it goes with this process."""

    def __init__(self, program, name, nodes):
        self.name = name
        self.command = [program, "--lab", name]
        subprocess.run([*self.command, "down"], stdout=subprocess.DEVNULL, check=False)
        self._run("up", "--nodes", str(nodes), "--until-exit-of", str(os.getpid()))
        self.site_text = self._run("site")
        found = [dict(zip(_FIELDS, hit, strict=True)) for hit in re.findall(_MACHINE, self.site_text)]
        self.jump, self.nodes = found[0], found[1:]
        if len(self.nodes) != nodes:
            raise RuntimeError(f"{len(self.nodes)} nodes in the site file of a lab of {nodes}")
        self.known_hosts = re.search(r'known_hosts: \["([^"]+)"\]', self.site_text).group(1)
        self.on_all(job.KEEP)

    def _run(self, *words):
        return subprocess.run([*self.command, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def delay(self, millis):
        """Sets the round-trip time between the operator and the jumphost."""
        self._run("delay", str(millis))

    def on_all(self, script):
        """Runs `script` as root on every node, past SSH, some at a time; returns {node: what it printed}."""
        with ThreadPoolExecutor(8) as pool:
            said = pool.map(lambda node: self._run("exec", node["name"], "--", "sh", "-c", script), self.nodes)
            return dict(zip([node["name"] for node in self.nodes], said, strict=True))

    def fetch(self, folder):
        """The job's files as they stand on the nodes, below FOLDER/NODE."""
        for node in self.nodes:
            target = folder / node["name"]
            target.mkdir(parents=True)
            pack = [*self.command, "exec", node["name"], "--", "tar", "-C", "/", "-c", *job.FILES]
            tar = subprocess.run(pack, check=True, stdout=subprocess.PIPE)
            subprocess.run(["tar", "-xp", "-C", target], input=tar.stdout, check=True)

    def spent(self):
        """What the lab has spent so far: TCP connections and bytes at the jumphost, CPU seconds of it and of the nodes.

        The jumphost opens a connection for each tunnel and accepts those of operators, and nothing else there speaks TCP:
        each is one SSH handshake. Bytes are those between operator and jumphost, both ways, headers included.
        """
        trees = self._machines()
        process = Path("/proc") / str(trees["jump"][1])
        tcp = [line.split() for line in (process / "net/snmp").read_text().splitlines() if line.startswith("Tcp:")]
        tcp = dict(zip(tcp[0], tcp[1], strict=True))
        outer = re.search(r"out0: *(\d+)(?: +\d+){7} +(\d+)", (process / "net/dev").read_text())
        return {
            "handshakes": int(tcp["PassiveOpens"]) + int(tcp["ActiveOpens"]),
            "bytes": int(outer.group(1)) + int(outer.group(2)),
            "jump_cpu_s": trees["jump"][0],
            "nodes_cpu_s": sum(trees[node["name"]][0] for node in self.nodes),
        }

    def _machines(self):
        """{machine: (CPU seconds of all its processes, living and reaped; its init)}, from the host's process table."""
        children, ticks = {}, {}
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            try:
                stat = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # Ended meanwhile.
            children.setdefault(int(stat[1]), []).append(int(entry.name))
            ticks[int(entry.name)] = sum(int(field) for field in stat[11:15])
        supervisor = json.loads((_REGISTRY / f"{self.name}.json").read_text())["supervisor"]["pid"]
        machines = {}
        for nspawn in children[supervisor]:
            named = re.search(r"--machine=([\w-]+)", Path(f"/proc/{nspawn}/cmdline").read_text())
            if named and nspawn in children:
                tree = list(children[nspawn])
                for process in tree:
                    tree.extend(children.get(process, []))
                machines[named.group(1)] = (sum(ticks[process] for process in tree) / _TICK, tree[0])
        return machines

    def down(self):
        """Takes it down."""
        self._run("down")
