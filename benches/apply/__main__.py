"""`make bench`: reads the parameters, lets the contestants take turns, writes rows, plots and the table."""

import argparse
import json
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

from . import job, measure, plot, table, tools, venv
from .lab import Lab


@dataclass
class Given:
    """What a contestant is made of: the lab, a folder of its own, the rendered files, its virtual environment, our program."""

    lab: Lab
    folder: Path
    files: Path
    venv: Path
    portcullis: str


def _contestants(arguments, lab, problems):
    """Makes those that could be installed; the first run of ours warms every cache and leaves the files the others are given."""
    work = arguments.out / "work" / lab.name
    shutil.rmtree(work, ignore_errors=True)
    made = {}
    for name in {table.OURS: None} | dict.fromkeys(arguments.tools):
        if name in problems:
            continue
        folder = work / name
        folder.mkdir(parents=True, mode=0o700)
        made[name] = tools.ALL[name](Given(lab, folder, work / "files", arguments.out / f"venv-{name}", arguments.portcullis))
        if name == table.OURS:
            made[name].run("first")
            lab.fetch(work / "files")
    if table.OURS not in arguments.tools:
        del made[table.OURS]
    return made


def _turn(lab, tool, wanted):
    """Both runs of one contestant from the first state, and proof on the nodes: what the first left is right, the second changed nothing."""
    lab.on_all(job.PUT_BACK)
    figures = {"first": measure.on_lab(lab, tool, "first")}
    left = lab.on_all(job.LOOK)
    for node, seen in left.items():
        if job.wanted_of(seen) != wanted[node]:
            differ = set(job.wanted_of(seen)) ^ set(wanted[node])
            raise RuntimeError(f"{node} is not as it should be after the first run: {sorted(differ)}")
    figures["second"] = measure.on_lab(lab, tool, "second")
    for node, seen in lab.on_all(job.LOOK).items():
        if seen != left[node]:
            raise RuntimeError(f"the second run touched {node}: {sorted(set(seen.splitlines()) ^ set(left[node].splitlines()))}")
    tool.forget()
    return figures


def _shortly(text):
    """The first and the last line of a failure: what failed, and its last word."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " … ".join(dict.fromkeys((lines[0], lines[-1])))[:300]


def _rounds(contestants, lab, arguments, rtt, wanted):
    """The rounds at one size and round-trip time: {(tool, run): [figures]}, and {tool: why it failed}."""
    taken, failed = {}, {}
    for number in range(arguments.rounds):
        for name, tool in contestants.items():
            if name in failed or (tool.slow and number > 0 and len(lab.nodes) >= arguments.slow_from):
                continue
            try:
                figures = _turn(lab, tool, wanted)
            except RuntimeError as error:
                if name == table.OURS:
                    raise
                failed[name] = _shortly(str(error))
                tool.forget()
                print(f"  {name} failed: {error}", flush=True)
                continue
            for which, one in figures.items():
                taken.setdefault((name, which), []).append(one)
                where = f"{len(lab.nodes)} nodes, {rtt} ms, round {number + 1}"
                print(f"  {where}: {name} {which} {one['wall_s']:.2f} s, load {one['load']:.1f}", flush=True)
    return taken, failed


def _rows_of(taken, failed, count, rtt):
    """A row for each contestant and run, medians of its rounds, and one for each that could not be measured."""
    for (name, which), figures in taken.items():
        row = {"tool": name, "nodes": count, "rtt_ms": rtt, "run": which, "rounds": len(figures)}
        row |= {key: round(statistics.median(one[key] for one in figures), 3) for key in figures[0]}
        yield row | {key: round(row[key]) for key in ("handshakes", "bytes", "round_trips") if key in row}
    for name, reason in failed.items():
        yield {"tool": name, "nodes": count, "rtt_ms": rtt, "not_measured": reason}


def _bench(arguments, problems, rows):
    """One lab after the other, one round-trip time after the other."""
    for count in arguments.nodes:
        lab, contestants = Lab(arguments.lab, f"bench-{count}", count), {}
        try:
            contestants = _contestants(arguments, lab, problems)
            wanted = {node: job.wanted_of(seen) for node, seen in lab.on_all(job.LOOK).items()}
            for rtt in arguments.rtt:
                lab.delay(rtt)
                taken, failed = _rounds(contestants, lab, arguments, rtt, wanted)
                rows.extend(_rows_of(taken, problems | failed, count, rtt))
                (arguments.out / "summary.json").write_text(json.dumps(rows, indent=1) + "\n")
        finally:
            for tool in contestants.values():
                tool.forget()
            lab.down()


def _numbers(text):
    """`1 10` as numbers."""
    return [int(word) for word in text.split()]


def _tools(text):
    """Names of contestants."""
    names = text.split()
    unknown = set(names) - set(tools.ALL)
    if unknown:
        raise argparse.ArgumentTypeError(f"no contestant {', '.join(sorted(unknown))}; there are {', '.join(tools.ALL)}")
    return names


def main():
    """Reads the parameters, benches, writes and prints."""
    parser = argparse.ArgumentParser(prog="python3 -m benches.apply", description=__doc__)
    parser.add_argument("--nodes", type=_numbers, default=[1, 10, 50], help="sizes of the labs")
    parser.add_argument("--rtt", type=_numbers, default=[0, 50], help="round-trip times to the jumphost, in ms")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--slow-from", type=int, default=50, help="slow contestants have one round in labs of so many nodes or more"
    )
    parser.add_argument("--tools", type=_tools, default=list(tools.ALL))
    parser.add_argument("--portcullis", default="target/release/portcullis")
    parser.add_argument("--lab", default="target/debug/lab")
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    arguments = parser.parse_args()
    arguments.out = arguments.out.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = {name: venv.install(arguments.out / f"venv-{name}", tools.ALL[name].requirements) for name in arguments.tools}
    problems = {name: problem for name, problem in found.items() if problem}
    rows = []
    try:
        _bench(arguments, problems, rows)
    finally:
        table.show(rows)
        for path in plot.growth(rows, arguments.out):
            print(f"plot: {path}")


if __name__ == "__main__":
    main()
