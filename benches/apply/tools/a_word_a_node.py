"""Programs of our own that print a line a node, its last word `changed` or `unchanged`."""

from .. import measure


def run(command, count, which):
    """Runs it on `count` nodes; returns the figures, and raises unless the first run changed all and the second none."""
    figures, text = measure.run(command)
    said = {line.split()[-1] for line in text.splitlines()}
    if len(text.splitlines()) != count or said != {"changed" if which == "first" else "unchanged"}:
        raise RuntimeError(f"not as it should be: {text[-3000:]}")
    return figures
