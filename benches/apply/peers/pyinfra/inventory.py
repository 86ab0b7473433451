"""The lab's nodes, as the bench wrote them down."""

import json
from pathlib import Path

JOB = json.loads((Path(__file__).parent / "job.json").read_text())
nodes = [(node["address"], {key: value for key, value in node.items() if key != "address" and value}) for node in JOB["nodes"]]
