"""Growth with the number of nodes as SVG, both axes logarithmic: a figure a quantity, a panel a run and round-trip time, a line a contestant."""

import math
from dataclasses import dataclass
from html import escape

# Okabe and Ito's colours, told apart with any colour vision; ours is the darkest and the boldest. Marks differ as well.
CONTESTANTS = {
    "portcullis": ("#000000", "circle"),
    "asyncssh": ("#0072b2", "square"),
    "tar-ssh": ("#009e73", "diamond"),
    "pyinfra": ("#cc79a7", "triangle"),
    "ansible-mitogen": ("#e69f00", "cross"),
    "ansible-tuned": ("#d55e00", "plus"),
}
_OTHER = ("#666666", "circle")
_FIGURES = (
    ("wall_s", "wall time", "seconds"),
    ("cpu_s", "client CPU", "seconds"),
    ("rss_mb", "peak memory of the client's largest process", "MB"),
)
_INK, _GRID = "#222222", "#dddddd"
_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 340, 250, 62, 92, 66


@dataclass
class Axis:
    """A logarithmic axis from `low` to `high`, drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value):
        """The pixel of a value."""
        return self.start + (self.end - self.start) * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self):
        """Round values within it: 1, 2, 5 of each decade, or the decades alone where that would be many."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1, 2, 5) if last - first <= 3 else (1,)
        values = [step * 10.0**decade for decade in range(first, last + 1) for step in steps]
        return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]


def _text(x, y, words, size=12, anchor="middle", weight="normal", turn=""):
    turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{_INK}"{turned}>{escape(words)}</text>'


def _line(points, colour, width, dash=""):
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{dashed}/>'


def _mark(x, y, shape, colour):
    outline = {
        "square": [(-4, -4), (4, -4), (4, 4), (-4, 4)],
        "diamond": [(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)],
        "triangle": [(0, -5.5), (5, 4), (-5, 4)],
    }.get(shape)
    if outline:
        points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in outline)
        return f'<polygon points="{points}" fill="{colour}" stroke="#ffffff" stroke-width="1"/>'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}" stroke="#ffffff" stroke-width="1"/>'
    strokes = (
        [((-4.5, -4.5), (4.5, 4.5)), ((-4.5, 4.5), (4.5, -4.5))]
        if shape == "cross"
        else [((-5.5, 0), (5.5, 0)), ((0, -5.5), (0, 5.5))]
    )
    return "".join(_line([(x + dx, y + dy) for dx, dy in ends], colour, 2.5) for ends in strokes)


def _axes(across, up, sizes, title, unit):
    """Grid, labels and title of a panel; `sizes` are the numbers of nodes that have a label."""
    drawn = [_text((across.start + across.end) / 2, up.end - 10, title, 13, weight="bold")]
    for value in up.ticks():
        drawn.append(_line([(across.start, up.at(value)), (across.end, up.at(value))], _GRID, 1))
        drawn.append(_text(across.start - 7, up.at(value) + 4, f"{value:g}", 11, "end"))
    for value in sizes:
        drawn.append(_line([(across.at(value), up.start), (across.at(value), up.end)], _GRID, 1))
        drawn.append(_text(across.at(value), up.start + 17, f"{value:g}", 11))
    drawn.append(_line([(across.start, up.end), (across.start, up.start), (across.end, up.start)], _INK, 1))
    drawn.append(_text((across.start + across.end) / 2, up.start + 36, "nodes"))
    drawn.append(_text(across.start - 44, (up.start + up.end) / 2, unit, turn="-90"))
    return drawn


def _legend(names, styles, width):
    """One line of marks and names, below the title."""
    drawn, x = [], _LEFT
    for name in names:
        colour, shape = styles.get(name, _OTHER)
        drawn += [
            _line([(x, 52), (x + 26, 52)], colour, 2),
            _mark(x + 13, 52, shape, colour),
            _text(x + 33, 56, name, 12, "start"),
        ]
        x += 33 + 8 * len(name) + 20
    return drawn, max(width, x)


def lines_of(rows, key):
    """{(run, rtt): {tool: [(nodes, value)]}}, sorted."""
    panels = {}
    for row in rows:
        if row.get(key, 0) > 0:
            panels.setdefault((row["run"], row["rtt_ms"]), {}).setdefault(row["tool"], []).append((row["nodes"], row[key]))
    for lines in panels.values():
        for points in lines.values():
            points.sort()
    return dict(sorted(panels.items()))


def figure(panels, title, unit, styles, dashed=()):
    """One SVG: the runs below each other, round-trip times side by side; the first of `styles` is the boldest line, `dashed` are predictions."""
    runs = sorted({run for run, _ in panels})
    times = sorted({rtt for _, rtt in panels})
    points = [point for lines in panels.values() for line in lines.values() for point in line]
    sizes = sorted({nodes for nodes, _ in points})
    high, low = max(value for _, value in points) * 1.4, min(value for _, value in points) / 1.4
    known = list(styles)
    names = sorted(
        {name for lines in panels.values() for name in lines}, key=lambda name: known.index(name) if name in known else 99
    )
    body, width = _legend(names, styles, _LEFT + len(times) * (_WIDTH + _GAP))
    for (run, rtt), lines in panels.items():
        left, top = _LEFT + times.index(rtt) * (_WIDTH + _GAP), _TOP + runs.index(run) * (_HEIGHT + 84)
        across, up = Axis(sizes[0] / 1.15, sizes[-1] * 1.15, left, left + _WIDTH), Axis(low, high, top + _HEIGHT, top)
        body += _axes(across, up, sizes, f"{run} run, round trip {rtt} ms", unit)
        for name in reversed([name for name in names if name in lines]):
            colour, shape = styles.get(name, _OTHER)
            drawn = [(across.at(nodes), up.at(value)) for nodes, value in lines[name]]
            body.append(_line(drawn, colour, 3 if name == known[0] else 2, "6 4" if name in dashed else ""))
            body += [_mark(x, y, shape, colour) for x, y in drawn]
    height = _TOP + len(runs) * (_HEIGHT + 84) - 20
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif">'
    page = [f'<rect width="{width}" height="{height}" fill="#ffffff"/>', _text(_LEFT, 28, title, 17, "start", "bold")]
    return "\n".join([head, *page, *body, "</svg>"]) + "\n"


def growth(rows, out):
    """Writes a figure for each quantity; returns their paths."""
    paths = []
    for key, title, unit in _FIGURES:
        panels = lines_of([row for row in rows if key in row], key)
        if panels:
            path = out / f"{key.split('_')[0]}.svg"
            path.write_text(figure(panels, f"apply bootstrap: {title}", unit, CONTESTANTS))
            paths.append(path)
    return paths
