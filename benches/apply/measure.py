"""The figures of one command, and those of a contestant's run on a lab."""

import os
import subprocess
import tempfile
import time

_AFTERWARDS = 0.5


def run(command, cwd=None, env=None):
    """Runs a command to its end; returns its figures and what it printed.

    Wall seconds, CPU seconds of it and of all it waited for, peak memory of its largest process. Raises where it fails.
    """
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if child.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {child.returncode}:\n{text[-3000:]}")
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "rss_mb": used.ru_maxrss / 1024}, text


def on_lab(lab, tool, which):
    """A contestant's first or second run: its own figures, what the lab spent meanwhile, and how busy the machine was."""
    before = lab.spent()
    figures = tool.run(which)
    load = os.getloadavg()[0]
    # What a node does once its client has gone (sessions end) is its cost as well.
    time.sleep(_AFTERWARDS)
    after = lab.spent()
    return figures | {key: after[key] - before[key] for key in after} | {"load": load}
