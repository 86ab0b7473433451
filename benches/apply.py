#!/usr/bin/env python3
"""Times `portcullis apply bootstrap` beside tuned Ansible doing the same job, on labs of real machines.

Both take turns in each round: nodes put back to their first state, a first apply, a second one that has nothing to
change. Rows with the median of the rounds go to SUMMARY; see `make bench` for the parameters.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ANSIBLE = "ansible-core==2.19.*"
OURS, TUNED = "portcullis", "ansible-tuned"

# What either tool changes, kept in the first state and put back before each first apply. Services are left as they
# were started: running, under the first configuration.
KEPT = "etc/nginx etc/postfix etc/environment etc/apt etc/systemd etc/ssl/certs usr/local/share/ca-certificates"
KEEP = f"tar -C / -cf /root/first.tar {KEPT}"
PUT_BACK = f"""set -e
cd / && rm -rf etc/portcullis var/lib/portcullis {KEPT} && tar -xpf /root/first.tar
systemctl daemon-reload && systemctl restart nginx postfix"""
# A machine's line in the site file that `lab site` prints.
MACHINE_FIELDS = ("name", "address", "port", "user", "key", "sudo")
MACHINE = (
    r"\{name: ([\w-]+), address: ([\d.]+), (?:port: (\d+), )?user: (\w+), "
    r'identities: \["([^"]+)"\][^}\n]*?(?:sudo_password: "file:([^"]+)")?\}'
)
# What is handed to Ansible as rendered files.
RENDERED = KEPT.replace("etc/ssl/certs ", "") + " etc/portcullis"


class Lab:
    """A standing lab and what the tools need to reach its nodes."""

    def __init__(self, program, name, nodes):
        self.command = [program, "--lab", name]
        subprocess.run([*self.command, "down"], stdout=subprocess.DEVNULL, check=False)
        self._run("up", "--nodes", str(nodes), "--until-exit-of", str(os.getpid()))
        self.site_text = self._run("site")
        found = [dict(zip(MACHINE_FIELDS, hit)) for hit in re.findall(MACHINE, self.site_text)]
        self.jump, self.nodes = found[0], found[1:]
        self.known_hosts = re.search(r'known_hosts: \["([^"]+)"\]', self.site_text).group(1)
        self.on_all(KEEP)

    def _run(self, *words):
        return subprocess.run([*self.command, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def delay(self, millis):
        self._run("delay", str(millis))

    def on_all(self, script):
        """Runs `script` as root on every node, past SSH, some at a time."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda node: self._run("exec", node["name"], "--", "sh", "-c", script), self.nodes))

    def fetch(self, folder):
        """The nodes' files as they stand, below FOLDER/NODE."""
        for node in self.nodes:
            target = folder / node["name"]
            target.mkdir(parents=True)
            pack = [*self.command, "exec", node["name"], "--", "tar", "-C", "/", "-c", *RENDERED.split()]
            tar = subprocess.run(pack, check=True, stdout=subprocess.PIPE)
            subprocess.run(["tar", "-x", "-C", target], input=tar.stdout, check=True)

    def down(self):
        self._run("down")


def measure(command, cwd, env):
    """Runs a command to its end: wall seconds, CPU seconds of all it waited for, peak memory of its largest process."""
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}:\n{text[-3000:]}")
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "rss_mb": used.ru_maxrss / 1024}, text


class Portcullis:
    """Ours, as a user runs it from a script."""

    def __init__(self, program, work, lab):
        self.site = work / "site.yaml"
        self.site.write_text(lab.site_text)
        self.command = [program, "--site", str(self.site), "--yes", "--output", "json", "apply", "bootstrap"]
        self.round_trips = {}

    def run(self, which):
        """Applies; returns the figures."""
        figures, text = measure(self.command, None, os.environ)
        summary = json.loads(text.splitlines()[-1])
        nodes = summary["nodes"].values()
        wanted = "changed" if which == "first" else "unchanged"
        if any(node["outcome"] != wanted for node in nodes):
            raise RuntimeError(f"not {wanted}: {text[-3000:]}")
        self.round_trips[which] = max(node["round_trips"] for node in nodes)
        return figures

    def forget(self):
        """Nothing stays open between runs."""


class Ansible:
    """Ansible from its own virtual environment, tuned; its connections to the jumphost stand before it is timed."""

    def __init__(self, venv, work, lab):
        self.folder = work / "ansible"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(HERE / "ansible", self.folder)
        self.sockets = Path(tempfile.mkdtemp(prefix="bench-"))
        lab.fetch(self.folder / "files")
        (self.folder / "ssh_config").write_text(self._ssh_config(lab))
        (self.folder / "inventory.ini").write_text(self._inventory(lab))
        self.count = len(lab.nodes)
        self.command = [str(venv / "bin/ansible-playbook"), "playbook.yaml"]
        self.env = {**os.environ, "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"), "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp")}

    def _ssh_config(self, lab):
        jump = lab.jump
        return f"""Host *
  UserKnownHostsFile {lab.known_hosts}
  StrictHostKeyChecking yes
  IdentitiesOnly yes
  IdentityFile {jump["key"]}
  ControlMaster auto
  ControlPersist 900
  ControlPath {self.sockets}/%C
Host jump
  HostName {jump["address"]}
  Port {jump["port"] or 22}
  User {jump["user"]}
Host * !jump
  ProxyJump jump
"""

    def _inventory(self, lab):
        lines = ["[nodes]"]
        for node in lab.nodes:
            line = f'{node["name"]} ansible_host={node["address"]} ansible_user={node["user"]} files=files/{node["name"]}'
            if node["sudo"]:
                line += f' ansible_become_password={Path(node["sudo"]).read_text().strip()}'
            lines.append(line)
        return "\n".join(lines) + "\n"

    def run(self, which):
        """Runs the playbook; returns the figures."""
        if which == "first":
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(["ssh", "-F", self.folder / "ssh_config", "-fN", "jump"], check=True, **quiet)
        figures, text = measure(self.command, self.folder, self.env)
        recap = re.findall(r"ok=\d+ +changed=(\d+) +unreachable=0 +failed=0", text)
        if len(recap) != self.count or any((changed != "0") != (which == "first") for changed in recap):
            raise RuntimeError(f"not as it should be: {text[-3000:]}")
        return figures

    def forget(self):
        """Ends the connections that it keeps, so that the next first apply begins as ours does: with none."""
        for socket in self.sockets.iterdir():
            subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], capture_output=True, check=False)


def install_ansible(venv):
    """Puts Ansible into `venv` once; returns why it could not be had, or None."""
    if not (venv / "bin/ansible-playbook").exists():
        for command in ([sys.executable, "-m", "venv", venv], [venv / "bin/pip", "install", "--quiet", ANSIBLE]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return (done.stderr or done.stdout).strip().splitlines()[-1]
    return None


def rounds_of(tools, lab, arguments, rtt):
    """The rounds at one size and round-trip time: {(tool, run): [figures]}."""
    taken = {}
    for number in range(arguments.rounds):
        for name, tool in tools.items():
            if name != OURS and len(lab.nodes) >= 50 and number > 0:
                continue  # Minutes each: one round has to do.
            lab.on_all(PUT_BACK)
            for which in ("first", "second"):
                figures = tool.run(which)
                taken.setdefault((name, which), []).append(figures)
                where = f"{len(lab.nodes)} nodes, {rtt} ms, round {number + 1}"
                print(f"  {where}: {name} {which} {figures['wall_s']:.2f} s, load {os.getloadavg()[0]:.1f}", flush=True)
            tool.forget()
    return taken


def bench(arguments, problem, rows):
    """One lab after the other, one round-trip time after the other."""
    for count in arguments.nodes:
        lab = Lab(arguments.lab, f"bench-{count}", count)
        ours = Portcullis(arguments.portcullis, arguments.out, lab)
        ours.run("first")  # Warms every cache, and leaves the files that Ansible is given.
        tools = {OURS: ours} if OURS in arguments.tools else {}
        if TUNED in arguments.tools and problem is None:
            tools[TUNED] = Ansible(arguments.out / "venv", arguments.out, lab)
        for rtt in arguments.rtt:
            lab.delay(rtt)
            for (name, which), figures in rounds_of(tools, lab, arguments, rtt).items():
                row = {"tool": name, "nodes": count, "rtt_ms": rtt, "run": which, "rounds": len(figures)}
                row |= {key: round(statistics.median(one[key] for one in figures), 3) for key in figures[0]}
                if name == OURS:
                    row["round_trips"] = ours.round_trips[which]
                rows.append(row)
            if TUNED in arguments.tools and problem is not None:
                rows.append({"tool": TUNED, "nodes": count, "rtt_ms": rtt, "not_measured": problem})
            (arguments.out / "summary.json").write_text(json.dumps(rows, indent=1) + "\n")
        lab.down()


def table(rows):
    """The rows for a person, each beside its ratio to ours."""
    ours = {(row["nodes"], row["rtt_ms"], row["run"]): row["wall_s"] for row in rows if row["tool"] == OURS}
    print(f"\n{'tool':<15}{'nodes':>6}{'rtt ms':>7} {'run':<7}{'wall s':>8}{'CPU s':>8}{'RSS MB':>8}{'trips':>6}{'x ours':>8}")
    for row in rows:
        if "not_measured" in row:
            print(f"{row['tool']:<15}{row['nodes']:>6}{row['rtt_ms']:>7} not measured: {row['not_measured']}")
            continue
        base = ours.get((row["nodes"], row["rtt_ms"], row["run"]))
        ratio = f"{row['wall_s'] / base:.1f}" if base else "-"
        figures = f"{row['wall_s']:>8.2f}{row['cpu_s']:>8.2f}{row['rss_mb']:>8.1f}"
        start = f"{row['tool']:<15}{row['nodes']:>6}{row['rtt_ms']:>7} {row['run']:<7}"
        print(f"{start}{figures}{row.get('round_trips', '-'):>6}{ratio:>8}")
    print("\ntrips: sequential round trips on a node's connection, login included; the jumphost's own login comes on top once.")
    print("CPU: the client and all it waited for. RSS: its largest process. Taken in turns; median of the rounds.")


def numbers(text):
    """`1 10` as numbers."""
    return [int(word) for word in text.split()]


def main():
    """Reads the parameters, benches, writes and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=numbers, default=[1, 10, 50], help="sizes of the labs")
    parser.add_argument("--rtt", type=numbers, default=[0, 50], help="round-trip times to the jumphost, in ms")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", type=str.split, default=[OURS, TUNED])
    parser.add_argument("--portcullis", default="target/release/portcullis")
    parser.add_argument("--lab", default="target/debug/lab")
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    arguments = parser.parse_args()
    arguments.out = arguments.out.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    problem = install_ansible(arguments.out / "venv") if TUNED in arguments.tools else None
    rows = []
    try:
        bench(arguments, problem, rows)
    finally:
        table(rows)


if __name__ == "__main__":
    main()
