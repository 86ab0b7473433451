"""What the benches of one command each are told: how many nodes, how far away, how often, which build."""

import argparse
from pathlib import Path


def read(name, description, nodes, rounds):
    """Reads the command line of `python3 -m benches.NAME`; the folder of its results is there afterwards."""
    parser = argparse.ArgumentParser(prog=f"python3 -m benches.{name}", description=description)
    numbers = {"type": lambda text: [int(word) for word in text.split()]}
    parser.add_argument("--nodes", **numbers, default=nodes, help="sizes of the labs")
    parser.add_argument("--rtt", **numbers, default=[50], help="round-trip times to the jumphost, in ms")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--portcullis", default="target/release/portcullis")
    parser.add_argument("--lab", default="target/debug/lab")
    parser.add_argument("--out", type=Path, default=Path("target/bench"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    return arguments
