"""The rows for a person: each beside its ratio to ours, and whether that ratio is what we aim at."""

import os

OURS = "portcullis"
# At least so many times our wall time; our own floor is the AsyncSSH program, than which we shall be no slower.
TARGETS = {"ansible-tuned": 20.0, "ansible-mitogen": 8.0, "pyinfra": 4.0, "tar-ssh": 1.5, "asyncssh": 1.0}
# Client CPU a node that we aim at, in ms, and the round trips of a login at the jumphost, one at the node, and a command.
_CPU_MS = 5
_ROUND_TRIPS = 10
# Targets are for labs of at least so many nodes.
_FROM = 10

_NOTES = """
hands: SSH handshakes, the jumphost's and the nodes'. kB: between operator and jumphost, both ways. trips: sequential round
trips on a node's connection, login included; the jumphost's own login comes on top once. CPU: the client and all it waited
for; jump s, nodes s: the CPU of the jumphost and of all nodes together, on the same cores. RSS: the client's largest process.
Contestants take turns; medians of the rounds; load: the machine's load average over a minute when the run ended."""


def _measured(rows):
    return [row for row in rows if "wall_s" in row]


def ratios(rows):
    """[(row, its wall time over ours in the same run)], the rows of others that have one of ours beside them."""
    ours = {(row["nodes"], row["rtt_ms"], row["run"]): row["wall_s"] for row in _measured(rows) if row["tool"] == OURS}
    beside = [(row, ours.get((row["nodes"], row["rtt_ms"], row["run"]))) for row in _measured(rows) if row["tool"] != OURS]
    return [(row, row["wall_s"] / base) for row, base in beside if base]


def verdict(row, ratio):
    """`met`, `not met`, or nothing where no target is set."""
    wanted = TARGETS.get(row["tool"])
    if wanted is None or row["nodes"] < _FROM:
        return ""
    return "met" if ratio >= wanted else "not met"


def _line(row, ratio):
    start = f"{row['tool']:<16}{row['nodes']:>5}{row['rtt_ms']:>5} "
    if "not_measured" in row:
        return f"{start}not measured: {row['not_measured']}"
    figures = f"{row['wall_s']:>8.2f}{row['cpu_s']:>8.2f}{row['jump_cpu_s']:>7.2f}{row['nodes_cpu_s']:>8.2f}{row['rss_mb']:>7.1f}"
    traffic = f"{row['handshakes']:>6}{row['bytes'] / 1000:>8.0f}{row.get('round_trips', '-'):>6}{row['load']:>6.1f}"
    beside = f"{ratio:>8.1f}  {verdict(row, ratio)}" if ratio else ""
    return f"{start}{row['run']:<7}{figures}{traffic}{beside}"


def floor(rows, row, cores):
    """The least wall time that a run like this row's can take: the servers' CPU (the least that any contestant cost them)
    on the cores they all share, or the round trips that SSH's logins and one command need one after the other."""
    alike = [one for one in _measured(rows) if all(one[key] == row[key] for key in ("nodes", "rtt_ms", "run"))]
    return max(min(one["jump_cpu_s"] + one["nodes_cpu_s"] for one in alike) / cores, _ROUND_TRIPS * row["rtt_ms"] / 1000)


def _own(rows):
    """What our targets say of us alone."""
    ours = [row for row in _measured(rows) if row["tool"] == OURS]
    if ours:
        print("\nours alone; targets: client CPU below 5 ms a node, peak memory below 30 MB + 1 MB a node; aim: 1.3x the floor")
        print(
            f"{'nodes':>5}{'rtt':>5} {'run':<7}{'ms a node':>10}{'each more':>10}{'RSS MB':>8}{'each more':>10}{'floor s':>9}{'x floor':>8}"
        )
    for row in ours:
        alike = [one for one in ours if (one["rtt_ms"], one["run"]) == (row["rtt_ms"], row["run"])]
        least = min(alike, key=lambda one: one["nodes"])
        count = row["nodes"] - least["nodes"]
        more_cpu = f"{1000 * (row['cpu_s'] - least['cpu_s']) / count:.1f}" if count else "-"
        more_memory = f"{(row['rss_mb'] - least['rss_mb']) / count:.2f}" if count else "-"
        cpu = 1000 * row["cpu_s"] / row["nodes"]
        good = "met" if cpu < _CPU_MS and row["rss_mb"] < 30 + row["nodes"] else "not met"
        bound = floor(rows, row, os.cpu_count())
        print(
            f"{row['nodes']:>5}{row['rtt_ms']:>5} {row['run']:<7}{cpu:>10.1f}{more_cpu:>10}{row['rss_mb']:>8.1f}{more_memory:>10}"
            f"{bound:>9.2f}{row['wall_s'] / bound:>8.1f}  {good if row['nodes'] >= _FROM else ''}"
        )


def show(rows):
    """Prints all of it."""
    beside = {id(row): ratio for row, ratio in ratios(rows)}
    columns = f"{'wall s':>8}{'CPU s':>8}{'jump s':>7}{'nodes s':>8}{'RSS MB':>7}{'hands':>6}{'kB':>8}{'trips':>6}{'load':>6}{'x ours':>8}"
    print(f"\n{'tool':<16}{'nodes':>5}{'rtt':>5} {'run':<7}{columns}  target")
    for row in rows:
        print(_line(row, beside.get(id(row))))
    print(_NOTES)
    for tool, wanted in TARGETS.items():
        found = [(row, ratio) for row, ratio in ratios(rows) if row["tool"] == tool and verdict(row, ratio)]
        if found:
            met = sum(verdict(row, ratio) == "met" for row, ratio in found)
            print(f"target {wanted:>4}x {tool:<16} met in {met} of {len(found)}; least {min(ratio for _, ratio in found):.1f}x")
    _own(rows)
