#!/usr/bin/python3
"""Draws the terminal picture of the README: real commands on a standing lab, as a terminal shows them, as an SVG.

usage: draw.py OUT.svg   (PORTCULLIS_LAB says which lab; `make picture` puts one up, draws and takes it down)
"""

import html
import os
import pathlib
import pty
import subprocess
import sys
import tempfile

import pyte

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS, ROWS = 112, 400
WIDTH, HEIGHT = 8.0, 17.0  # of a letter, in the picture's units
SHOWN = [
    "portcullis cert check from-the-ca.pem --key server.key --name manage.example.com",
    "portcullis apply --yes",
    'portcullis access open --who "Ada Byron" --for 2h --reason "update to 7.4" --key ada.pub --yes',
    "ssh -i ada -F windows/*/ssh_config a0-1 hostname",
    "portcullis access close --all --yes",
]
# Before the first is shown: the certificate of somebody's CA, a key, and what the proxy's administrators had to do.
BEFORE = f"""
lab site > site.yaml
cp {ROOT}/certs-examples/mistakes/chain-incomplete/chain.pem from-the-ca.pem
cp {ROOT}/certs-examples/mistakes/chain-incomplete/server.key server.key
ssh-keygen -q -t ed25519 -N '' -C ada -f ada
"""


def run(command, folder):
    """What a command shows at a terminal of its own."""
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", str(COLUMNS), "rows", "50"], stdin=slave, check=True)
    environment = dict(os.environ, TERM="xterm-256color", PATH=f"{ROOT}/target/debug:{os.environ['PATH']}")
    child = subprocess.Popen(["bash", "-c", command], cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # The last one has closed the terminal.
            break
        if not piece:
            break
        shown += piece
    child.wait()
    return shown.decode(errors="replace")


def record(folder):
    """The commands and all they show, on one long screen."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.Stream(screen)
    for command in SHOWN:
        stream.feed(f"\x1b[1;32m$\x1b[0m \x1b[1m{command}\x1b[0m\r\n")
        shown = run(command, folder)
        # Paths of this run say nothing to a reader.
        stream.feed(shown.replace(f"{folder}/", "").replace(str(folder), "."))
        stream.feed("\r\n")
    lines = [[screen.buffer[row][column] for column in range(COLUMNS)] for row in range(screen.cursor.y)]
    while lines and not "".join(letter.data for letter in lines[-1]).strip():
        lines.pop()
    return lines


def pieces(line):
    """Runs of letters that look alike: where each begins, its text and its classes."""
    found = []
    for column, letter in enumerate(line):
        look = " ".join(name for name in (letter.fg if letter.fg != "default" else "", "bold" if letter.bold else "") if name)
        if found and found[-1][2] == look:
            found[-1][1] += letter.data
        else:
            found.append([column, letter.data, look])
    return [(begin, text.rstrip() if begin + len(text) == len(line) else text, look) for begin, text, look in found if text.strip()]


STYLE = """
text { font: 13.3px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre; fill: #1f2328 }
.back { fill: #f6f8fa; stroke: #d0d7de } .bold { font-weight: 700 }
.red { fill: #c01c28 } .green { fill: #1a7f37 } .brown, .yellow { fill: #8a5a00 } .cyan { fill: #0b7285 } .blue { fill: #0a58ca }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .back { fill: #0d1117; stroke: #30363d }
.red { fill: #ff7b72 } .green { fill: #56d364 } .brown, .yellow { fill: #e3b341 } .cyan { fill: #76e3ea } .blue { fill: #79c0ff }
}
"""


def draw(lines):
    """The picture."""
    width, height = COLUMNS * WIDTH + 32, len(lines) * HEIGHT + 32
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="Portcullis at a terminal">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="8"/>',
    ]
    for row, line in enumerate(lines):
        for begin, text, look in pieces(line):
            left, base = 16 + begin * WIDTH, 16 + row * HEIGHT + 13
            # The length is set, so that a font of another width keeps the columns.
            out.append(
                f'<text x="{left:.0f}" y="{base:.0f}" textLength="{len(text) * WIDTH:.0f}" lengthAdjust="spacingAndGlyphs" '
                f'class="{look}">{html.escape(text)}</text>'
            )
    return "\n".join([*out, "</svg>", ""])


def main():
    with tempfile.TemporaryDirectory() as folder:
        run(BEFORE, folder)
        lines = record(folder)
    pathlib.Path(sys.argv[1]).write_text(draw(lines), encoding="utf-8")


main()
