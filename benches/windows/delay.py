"""How late after its window's end the last session ends: the distribution over many windows, several at once on each node.

    python3 -m benches.windows.delay [--windows 100] [--nodes 5] [--at-once 25]
Rows go to target/bench/delay.json, the histogram to target/bench/delay.svg.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .desk import Operator, window_of

TARGET = Path("target/bench")
STEP = 100
LENGTH = 60


def opened(operator, number):
    """Opens a window of LENGTH and a session in it; returns the session and the window's end."""
    node = operator.nodes[number % len(operator.nodes)]
    code, out, err = operator.run(*operator.opening([node], f"{LENGTH}s"))
    if code != 0:
        raise RuntimeError(f"a window was not opened: exit {code}\n{out}{err}")
    window, end = window_of(out)
    session = operator.ssh(window, node, f"echo in; exec sleep {LENGTH * 2}")
    if session.stdout.readline() != b"in\n":
        raise RuntimeError(f"window {window} lets nobody in")
    return session, end


def late(session, end):
    """Waits for the session's end, and says how late after its window's that was, in milliseconds."""
    session.wait()
    return (time.time() - end) * 1000


def batch(operator, numbers):
    """Opens windows, some at a time, waits for the end of each, and settles them."""
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda number: opened(operator, number), numbers))
    with ThreadPoolExecutor(len(sessions)) as pool:
        delays = list(pool.map(lambda one: late(*one), sessions))
    code, out, err = operator.run("access", "close", "--all")
    if code != 0:
        raise RuntimeError(f"not every window could be settled: exit {code}\n{out}{err}")
    return delays


def histogram(delays):
    """An SVG of the delays, a bar for each tenth of a second; it follows the reader's light or dark."""
    first, last = int(min(delays) // STEP), int(max(delays) // STEP)
    counts = [sum(int(delay // STEP) == bar for delay in delays) for bar in range(first, last + 1)]
    wide, tall, left, base = 640, 300, 40, 250
    width = (wide - left - 20) / len(counts)
    style = (
        "<style>text{font:13px sans-serif;fill:#333}.b{fill:#2f6f9f}.a{stroke:#999}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#7fb7e0}.a{stroke:#777}}</style>"
    )
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" role="img">{style}']
    parts.append(f'<text x="{left}" y="20">{len(delays)} windows: from the end of each to the end of its last session</text>')
    for bar, count in enumerate(counts):
        height = 200 * count / max(counts)
        x = left + bar * width
        parts.append(f'<rect class="b" x="{x:.1f}" y="{base - height:.1f}" width="{max(width - 2, 1):.1f}" height="{height:.1f}"/>')
        parts.append(f'<text x="{x + width / 2:.1f}" y="{base - height - 4:.1f}" text-anchor="middle">{count or ""}</text>')
        if len(counts) <= 16 or bar % 5 == 0:
            parts.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{(first + bar) * STEP / 1000:.1f}</text>')
    parts.append(f'<line class="a" x1="{left}" y1="{base}" x2="{wide - 20}" y2="{base}"/>')
    parts.append(f'<text x="{wide - 20}" y="{tall - 8}" text-anchor="end">seconds</text></svg>\n')
    return "".join(parts)


def main():
    """Measures, writes rows and histogram, prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=25)
    arguments = parser.parse_args()
    operator = Operator("delay", arguments.nodes)
    batch(operator, [0])
    numbers = range(arguments.windows)
    batches = [numbers[at : at + arguments.at_once] for at in range(0, arguments.windows, arguments.at_once)]
    delays = sorted(delay for some in batches for delay in batch(operator, some))
    TARGET.mkdir(parents=True, exist_ok=True)
    row = {
        "windows": len(delays), "nodes": arguments.nodes, "at_once": arguments.at_once,
        "median_ms": round(delays[len(delays) // 2]), "p95_ms": round(delays[int(len(delays) * 0.95)]),
        "max_ms": round(delays[-1]), "min_ms": round(delays[0]), "delays_ms": [round(delay) for delay in delays],
    }
    (TARGET / "delay.json").write_text(json.dumps(row) + "\n")
    (TARGET / "delay.svg").write_text(histogram(delays))
    print(" ".join(f"{name} {value}" for name, value in row.items() if name != "delays_ms"))
    operator.lab("down", check=False)


if __name__ == "__main__":
    main()
