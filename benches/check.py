"""A whole `check` of a site: when all is well, and when three destinations are filtered.

Rows go to target/bench/check.json: {"what": "well|filtered", "nodes", "rtt_ms", "rounds", "wall_s", "cpu_s", "handshakes",
"load"}. What is filtered is dropped on the proxy, so that each node waits for its answer. Needs a release build:
cargo build --release --bin portcullis
"""

import json
import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from . import parameters
from .apply import measure
from .apply.lab import Lab

_DESTINATIONS = "apt-mirror.it.auth0.com docker.it.auth0.com cdn.auth0.com app-gateway.it.auth0.com"
_EXCEPTIONS = f"acl portcullis_exceptions dstdomain {_DESTINATIONS}"
_RECONFIGURED = "n=$(grep -c Accepting /var/log/squid/cache.log); squid -k reconfigure; " \
    "for i in $(seq 600); do [ \"$(grep -c Accepting /var/log/squid/cache.log)\" -gt \"$n\" ] && exit; sleep 0.05; done; exit 1"
_DROPPED = ("docker.it.auth0.com", "cdn.auth0.com", "app-gateway.it.auth0.com")


def _on_proxy(lab, script):
    subprocess.run([*lab.command, "exec", "proxy", "--", "sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)


def _filter(lab):
    """Names of an address each, to which nothing gets through: the proxy waits, and so does whoever asked it."""
    lines = "".join(f"10.76.0.{240 + number} {host}\\n" for number, host in enumerate(_DROPPED))
    names = "|".join(re.escape(host) for host in _DROPPED)
    _on_proxy(lab, "cp /etc/hosts /run/hosts.well; "
              f"sed -E 's/ ({names})//g' /run/hosts.well >/run/hosts.ill; printf '{lines}' >>/run/hosts.ill; cat /run/hosts.ill >/etc/hosts; "
              "nft add table inet bench; nft 'add chain inet bench out { type filter hook output priority 0; }'; "
              f"nft add rule inet bench out ip daddr 10.76.0.240-10.76.0.249 drop; {_RECONFIGURED}")


def _mend(lab):
    _on_proxy(lab, f"nft delete table inet bench; cat /run/hosts.well >/etc/hosts; {_RECONFIGURED}")


def _rounds(folder, lab, arguments):
    """[figures], each with what was found of destinations that are not reached."""
    ours = str(Path(arguments.portcullis).resolve())
    command = ["sh", "-c", f"'{ours}' --site site.yaml --output json check; [ $? -eq 0 ] || [ $? -eq 3 ] || exit 0"]
    taken = []
    for _ in range(arguments.rounds):
        before = lab.spent()["handshakes"]
        figures, text = measure.run(command, cwd=folder, env=os.environ | {"HOME": str(folder)})
        figures["handshakes"] = lab.spent()["handshakes"] - before
        events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        if events[-1]["event"] != "summary":
            raise RuntimeError(f"no summary: {text[-3000:]}")
        figures["filtered"] = sum(event.get("id", "").startswith(("egress.", "proxy.")) and event["severity"] == "error" for event in events)
        figures["load"] = os.getloadavg()[0]
        taken.append(figures)
    return taken


def _row(what, taken, count, rtt):
    middle = {key: statistics.median(one[key] for one in taken) for key in ("wall_s", "cpu_s", "handshakes", "load")}
    return {
        "what": what, "nodes": count, "rtt_ms": rtt, "rounds": len(taken), "wall_s": round(middle["wall_s"], 2),
        "cpu_s": round(middle["cpu_s"], 2), "handshakes": int(middle["handshakes"]), "load": round(middle["load"], 1),
    }


def _measured(folder, lab, arguments, count, rtt):
    (folder / "site.yaml").write_text(lab.site_text)
    ours = str(Path(arguments.portcullis).resolve())
    measure.run([ours, "--site", "site.yaml", "apply", "--yes"], cwd=folder, env=os.environ | {"HOME": str(folder)})
    _on_proxy(lab, f"printf '{_EXCEPTIONS}\\n' >/etc/squid/portcullis-exceptions.conf; {_RECONFIGURED}")
    lab.delay(rtt)
    rows = []
    for what in ("well", "filtered"):
        if what == "filtered":
            _filter(lab)
        taken = _rounds(folder, lab, arguments)
        if any((one["filtered"] > 0) != (what == "filtered") for one in taken):
            raise RuntimeError(f"{what}: {[one['filtered'] for one in taken]} destinations are found filtered")
        rows.append(_row(what, taken, count, rtt))
    _mend(lab)
    lab.delay(0)
    return rows


def main():
    """Reads the parameters, measures, writes and prints."""
    arguments = parameters.read("check", __doc__, nodes=[10], rounds=3)
    rows = []
    for count in arguments.nodes:
        lab = Lab(arguments.lab, f"bench-check-{count}", count)
        try:
            for rtt in arguments.rtt:
                with tempfile.TemporaryDirectory(prefix="bench-check-") as folder:
                    rows.extend(_measured(Path(folder), lab, arguments, count, rtt))
                (arguments.out / "check.json").write_text(json.dumps(rows, indent=1) + "\n")
        finally:
            lab.down()
    for row in rows:
        print("{what:<9} {nodes:>3} nodes  {rtt_ms:>3} ms  {wall_s:>6.2f} s  {cpu_s:>5.2f} s CPU  {handshakes:>3} handshakes  load {load}".format(**row))


if __name__ == "__main__":
    main()
