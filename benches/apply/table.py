"""The rows for a person: each beside its ratio to ours, and whether that ratio is what we aim at."""

OURS = "portcullis"
# At least so many times our wall time; our own floor is the AsyncSSH program, than which we shall be no slower.
TARGETS = {"ansible-tuned": 20.0, "ansible-mitogen": 8.0, "pyinfra": 4.0, "tar-ssh": 1.5, "asyncssh": 1.0}
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


def _own(rows):
    """Our client's CPU and memory a node, as targets have them."""
    ours = [row for row in _measured(rows) if row["tool"] == OURS]
    if not ours:
        return
    least = min(row["nodes"] for row in ours)
    print("\nours, a node in flight: client CPU (target: below 5 ms), peak memory (target: below 30 MB + 1 MB a node)")
    for row in ours:
        more = ""
        base = next(
            (one for one in ours if one["nodes"] == least and (one["rtt_ms"], one["run"]) == (row["rtt_ms"], row["run"])), None
        )
        if base and row["nodes"] > least:
            count = row["nodes"] - least
            more = f", {1000 * (row['cpu_s'] - base['cpu_s']) / count:.1f} ms and {(row['rss_mb'] - base['rss_mb']) / count:.2f} MB for each further node"
        cpu = 1000 * row["cpu_s"] / row["nodes"]
        good = "met" if cpu < 5 and row["rss_mb"] < 30 + row["nodes"] else "not met"
        print(
            f"  {row['nodes']:>3} nodes, {row['rtt_ms']:>3} ms, {row['run']:<6}: {cpu:5.1f} ms, {row['rss_mb']:5.1f} MB: {good}{more}"
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
