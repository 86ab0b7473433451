"""Opening and closing a window beside one plain `ssh` login to one node through the jumphost, taking turns.

Each round logs in once by OpenSSH's client (no standing connection), opens a window on all nodes and closes it. The first
opening, which makes each sshd trust windows by a guarded change, is measured apart. Rows go to target/bench/access.json:
{"what": "login|first open|open|close", "nodes", "rtt_ms", "rounds", "wall_s", "logins", "handshakes", "lab_cpu_s", "cpu_s",
"load"}; `logins` is the time as a multiple of the login's, `lab_cpu_s` what jumphost and nodes computed: where they share two
processors with us, half of it is the floor. Needs a release build: cargo build --release --bin portcullis
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from . import parameters
from .apply import measure
from .apply.lab import Lab

# What a machine does once its client has gone is its cost as well.
_AFTERWARDS = 0.5
# What a row tells beside the time, and how precisely.
_COUNTED = {"handshakes": 0, "lab_cpu_s": 2, "cpu_s": 3, "load": 1}


def _operator(folder, lab):
    """The operator's folder: the lab's site with a ledger of its own, a person's key, and a plain `ssh_config`."""
    lines = [line for line in lab.site_text.splitlines() if not line.startswith("ledger:")]
    (folder / "site.yaml").write_text("\n".join([*lines, "ledger: {file: ledger.sqlite}"]) + "\n")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "person"], check=True)
    stops = [f"Host {name}\n  HostName {stop['address']}\n  Port {stop['port'] or 22}\n  User {stop['user']}\n  {jump}"
             for name, stop, jump in (("jump", lab.jump, ""), (lab.nodes[0]["name"], lab.nodes[0], "ProxyJump jump"))]
    common = f"Host *\n  UserKnownHostsFile {lab.known_hosts}\n  IdentitiesOnly yes\n  IdentityFile {lab.jump['key']}\n"
    (folder / "ssh_config").write_text("\n".join([*stops, common]))


def _rounds(folder, lab, arguments):
    """{what: [figures]} at one size."""
    ours = [str(Path(arguments.portcullis).resolve()), "--site", str(folder / "site.yaml"), "--output", "json", "access"]
    opening = [*ours, "open", "--who", "bench", "--reason", "bench", "--for", "1h", "--key", str(folder / "person.pub")]
    steps = {
        "login": ["ssh", "-F", str(folder / "ssh_config"), lab.nodes[0]["name"], "true"],
        "open": opening,
        "close": [*ours, "close", "--all"],
    }
    taken = {"first open": [], "login": [], "open": [], "close": []}
    for number in range(arguments.rounds + 1):
        for what, command in steps.items():
            before = lab.spent()
            figures, text = measure.run(command, cwd=folder, env=os.environ | {"HOME": str(folder)})
            time.sleep(_AFTERWARDS)
            spent = {key: value - before[key] for key, value in lab.spent().items()}
            figures |= {"handshakes": spent["handshakes"], "lab_cpu_s": spent["jump_cpu_s"] + spent["nodes_cpu_s"]}
            if what == "close" and '"closed"' not in text:
                raise RuntimeError(f"not closed: {text[-3000:]}")
            figures["load"] = os.getloadavg()[0]
            if number > 0 or what == "open":
                taken["first open" if number == 0 else what].append(figures)
    return taken


def _rows(taken, count, rtt):
    login = statistics.median(one["wall_s"] for one in taken["login"])
    for what, figures in taken.items():
        middle = {key: statistics.median(one[key] for one in figures) for key in ("wall_s", *_COUNTED)}
        yield {
            "what": what, "nodes": count, "rtt_ms": rtt, "rounds": len(figures), "wall_s": round(middle["wall_s"], 3),
            "logins": round(middle["wall_s"] / login, 2), **{key: round(middle[key], digits) for key, digits in _COUNTED.items()},
        }


def main():
    """Reads the parameters, measures, writes and prints."""
    arguments = parameters.read("access", __doc__, nodes=[1, 10, 50], rounds=5)
    rows = []
    for count in arguments.nodes:
        lab = Lab(arguments.lab, f"bench-access-{count}", count)
        try:
            for rtt in arguments.rtt:
                lab.delay(rtt)
                with tempfile.TemporaryDirectory(prefix="bench-access-") as folder:
                    _operator(Path(folder), lab)
                    rows.extend(_rows(_rounds(Path(folder), lab, arguments), count, rtt))
                (arguments.out / "access.json").write_text(json.dumps(rows, indent=1) + "\n")
        finally:
            lab.down()
    for row in rows:
        print("{what:<12} {nodes:>3} nodes  {rtt_ms:>3} ms  {wall_s:>7.3f} s  {logins:>5.2f} logins  "
              "{handshakes:>3.0f} handshakes  {lab_cpu_s:>6.2f} s lab CPU  load {load}".format(**row))


if __name__ == "__main__":
    main()
