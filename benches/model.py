"""Predicts `portcullis apply bootstrap` on 1,000 and 10,000 nodes over ten jumphosts from what the bench measured on fewer.

A run's wall time is taken as   fixed + trips * round trip + stretch * work,   the three found by least squares over the
measured points. In the lab `work` is all CPU of client, jumphost and nodes over the cores that they share. Outside of it
each has its own: then `work` is the slowest of what goes on side by side: the client's CPU over its cores, one jumphost's CPU
(one sshd process serves all tunnels of a connection: one core), and the bytes over the operator's line; a node's own CPU
comes on top once. What the lab can check is checked: each point is predicted from all others, and the error is said.
What it cannot: that the nodes are no slower than the lab's, that no limit of a jumphost is met (a tunnel takes a file
descriptor there, and stock services have 1,024), and that the line has the speed assumed.
"""

import argparse
import json
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from .apply import plot

_SIZES = (100, 1_000, 10_000)
_TOOL = "portcullis"
# At least as many points as this for three unknowns, so that one can be left out.
_LEAST = 5
_STYLES = {
    "measured": ("#000000", "circle"),
    "model, the lab": ("#0072b2", "square"),
    "model, ten jumphosts": ("#d55e00", "triangle"),
}


@dataclass
class Line:
    """A cost that grows with the nodes: `base + each * nodes`, by least squares, neither below nothing."""

    base: float
    each: float

    @classmethod
    def through(cls, points):
        """The line through [(nodes, cost)]; large and small labs count alike (relative errors)."""
        base, each = fit([((1.0, float(nodes)), cost) for nodes, cost in points])
        return cls(base, each)

    def at(self, nodes):
        """The cost of so many nodes."""
        return self.base + self.each * nodes


@dataclass
class Model:
    """What one kind of run (first or second) costs; times in seconds, memory in MB."""

    client: Line
    jump: Line
    nodes: Line
    memory: Line
    traffic: Line
    fixed: float
    trips: float
    stretch: float

    @classmethod
    def of(cls, rows, cores):
        """The model that fits these rows best."""
        lines = {
            key: Line.through([(row["nodes"], row[key]) for row in rows])
            for key in ("cpu_s", "jump_cpu_s", "nodes_cpu_s", "rss_mb", "bytes")
        }
        work = [sum(lines[key].at(row["nodes"]) for key in ("cpu_s", "jump_cpu_s", "nodes_cpu_s")) / cores for row in rows]
        found = fit([((1.0, row["rtt_ms"] / 1000, spent), row["wall_s"]) for row, spent in zip(rows, work, strict=True)])
        return cls(lines["cpu_s"], lines["jump_cpu_s"], lines["nodes_cpu_s"], lines["rss_mb"], lines["bytes"], *found)

    def lab(self, nodes, rtt, cores):
        """Wall time where client, jumphost and nodes share `cores`."""
        return (
            self.fixed
            + self.trips * rtt
            + self.stretch * (self.client.at(nodes) + self.jump.at(nodes) + self.nodes.at(nodes)) / cores
        )

    def field(self, nodes, rtt, place):
        """Wall time, and what bounds it, where each has its own cores."""
        side_by_side = {
            "client CPU": self.client.at(nodes) / place.cores,
            "jumphost CPU": self.jump.at(nodes / place.jumphosts),
            "operator's line": self.traffic.at(nodes) * 8 / (place.line_mbit * 1e6),
        }
        bound = max(side_by_side, key=side_by_side.get)
        latency = self.fixed + self.trips * rtt
        work = self.stretch * (side_by_side[bound] + self.nodes.each)
        return latency + work, bound if work > latency else "round trips"


def fit(points):
    """Least squares of relative errors for [(factors, value)], no coefficient below nothing: one that would be is left out."""
    count = len(points[0][0])
    kept = list(range(count))
    while kept:
        weighed = [([factors[index] / value for index in kept], 1.0) for factors, value in points if value > 0]
        found = _solve(
            [
                [sum(row[a] * row[b] for row, _ in weighed) for b in range(len(kept))] + [sum(row[a] for row, _ in weighed)]
                for a in range(len(kept))
            ]
        )
        if found is not None and min(found) >= 0:
            return [dict(zip(kept, found, strict=True)).get(index, 0.0) for index in range(count)]
        kept.pop(found.index(min(found)) if found else 0)
    return [0.0] * count


def _solve(matrix):
    """Gauss and Jordan; None where the points do not tell the unknowns apart."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) < 1e-12:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        matrix[column] = [cell / matrix[column][column] for cell in matrix[column]]
        for row in range(size):
            if row != column:
                factor = matrix[row][column]
                matrix[row] = [cell - factor * other for cell, other in zip(matrix[row], matrix[column], strict=True)]
    return [row[-1] for row in matrix]


def checked(rows, cores):
    """Each row beside what the model says of it, once made from all rows and once from all others."""
    whole, found = Model.of(rows, cores), []
    for row in rows:
        others = Model.of([other for other in rows if other is not row], cores)
        point = {key: row[key] for key in ("nodes", "rtt_ms", "run", "wall_s", "load")}
        said = {
            "model_s": whole.lab(row["nodes"], row["rtt_ms"] / 1000, cores),
            "left_out_s": others.lab(row["nodes"], row["rtt_ms"] / 1000, cores),
        }
        found.append(
            point
            | {key: round(value, 3) for key, value in said.items()}
            | {"error": round(said["left_out_s"] / row["wall_s"] - 1, 3)}
        )
    return found


def predicted(run, model, times, place):
    """What the model says of large sites."""
    rows = []
    for nodes in _SIZES:
        for rtt in times:
            wall, bound = model.field(nodes, rtt / 1000, place)
            rows.append(
                {
                    "run": run,
                    "nodes": nodes,
                    "jumphosts": place.jumphosts,
                    "rtt_ms": rtt,
                    "wall_s": round(wall, 2),
                    "bound_by": bound,
                    "client_cpu_s": round(model.client.at(nodes), 2),
                    "client_rss_mb": round(model.memory.at(nodes), 1),
                    "jumphost_cpu_s": round(model.jump.at(nodes / place.jumphosts), 2),
                    "traffic_mb": round(model.traffic.at(nodes) / 1e6, 1),
                }
            )
    return rows


def _print(points, predictions, place):
    print("the model against what was measured; each point predicted from all others")
    print(f"{'run':<7}{'nodes':>6}{'rtt ms':>7}{'measured s':>11}{'predicted s':>12}{'error':>8}{'load':>6}")
    for row in points:
        print(
            f"{row['run']:<7}{row['nodes']:>6}{row['rtt_ms']:>7}{row['wall_s']:>11.2f}{row['left_out_s']:>12.2f}{row['error']:>8.0%}{row['load']:>6.1f}"
        )
    print(
        f"median error {statistics.median(abs(row['error']) for row in points):.0%}, worst {max(abs(row['error']) for row in points):.0%}"
    )
    print(f"\npredicted: {place.jumphosts} jumphosts, {place.cores} cores for the client, a line of {place.line_mbit} Mbit/s")
    print(
        f"{'run':<7}{'nodes':>7}{'rtt ms':>7}{'wall s':>8}{'client CPU s':>13}{'RSS MB':>8}{'jump CPU s':>11}{'MB':>8}  bound by"
    )
    for row in predictions:
        figures = f"{row['wall_s']:>8.1f}{row['client_cpu_s']:>13.1f}{row['client_rss_mb']:>8.0f}{row['jumphost_cpu_s']:>11.1f}{row['traffic_mb']:>8.0f}"
        print(f"{row['run']:<7}{row['nodes']:>7}{row['rtt_ms']:>7}{figures}  {row['bound_by']}")


def _panels(points, predictions):
    panels = plot.lines_of([row | {"tool": "measured"} for row in points], "wall_s")
    for name, rows, key in (("model, the lab", points, "model_s"), ("model, ten jumphosts", predictions, "wall_s")):
        for place, lines in plot.lines_of([row | {"tool": name} for row in rows], key).items():
            panels.setdefault(place, {}).update(lines)
    return panels


def main():
    """Reads the bench's rows, checks, predicts, writes and prints."""
    parser = argparse.ArgumentParser(prog="python3 -m benches.model", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=Path("target/bench"), help="where summary.json is, and model.json and model.svg go"
    )
    parser.add_argument("--jumphosts", type=int, default=10)
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="of the lab's machine, and of the operator's")
    parser.add_argument("--line-mbit", type=float, default=100.0, help="the operator's line")
    place = parser.parse_args()
    measured = [row for row in json.loads((place.out / "summary.json").read_text()) if row["tool"] == _TOOL and "wall_s" in row]
    points, predictions, costs = [], [], {}
    for run in ("first", "second"):
        rows = [row for row in measured if row["run"] == run]
        if len(rows) < _LEAST:
            print(
                f"{run} run: {len(rows)} points measured, the model needs {_LEAST}: two sizes and three round-trip times, or the other way round"
            )
            continue
        model = Model.of(rows, place.cores)
        costs[run] = model
        points += checked(rows, place.cores)
        predictions += predicted(run, model, sorted({row["rtt_ms"] for row in rows}), place)
    if points:
        text = json.dumps({"costs": costs, "points": points, "predictions": predictions}, indent=1, default=vars)
        (place.out / "model.json").write_text(text + "\n")
        title = "apply bootstrap: measured in the lab, and as the model has it"
        (place.out / "model.svg").write_text(
            plot.figure(_panels(points, predictions), title, "seconds", _STYLES, {"model, the lab", "model, ten jumphosts"})
        )
        _print(points, predictions, place)


if __name__ == "__main__":
    main()
