"""A virtual environment for each contestant that comes from a package registry, as this machine's pip is set up."""

import subprocess
import sys


def install(folder, requirements):
    """Puts `requirements` into a virtual environment at `folder`, once; returns why they could not be had, or None."""
    wanted = "\n".join(requirements)
    done = folder / "installed"
    if not requirements or (done.exists() and done.read_text() == wanted):
        return None
    for command in ([sys.executable, "-m", "venv", "--clear", folder], [folder / "bin/pip", "install", "--quiet", *requirements]):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            return (result.stderr or result.stdout or "no word").strip().splitlines()[-1]
    done.write_text(wanted)
    return None
