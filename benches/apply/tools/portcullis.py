"""Ours, as a user runs it from a script."""

import json
import os

from .. import measure


class Portcullis:
    """`portcullis apply bootstrap` with the lab's site file."""

    name = "portcullis"
    requirements = ()
    slow = False

    def __init__(self, given):
        site = given.folder / "site.yaml"
        site.write_text(given.lab.site_text)
        self.command = [given.portcullis, "--site", str(site), "--yes", "--output", "json", "apply", "bootstrap"]

    def run(self, which):
        """Applies; returns the figures, the most round trips of a node among them."""
        figures, text = measure.run(self.command, env=os.environ)
        nodes = json.loads(text.splitlines()[-1])["nodes"].values()
        wanted = "changed" if which == "first" else "unchanged"
        if any(node["outcome"] != wanted for node in nodes):
            raise RuntimeError(f"not {wanted}: {text[-3000:]}")
        return figures | {"round_trips": max(node["round_trips"] for node in nodes)}

    def forget(self):
        """Nothing stays open between runs."""
