"""The contestants, one file each, ours first.

Each is a class: `name` as rows have it, `requirements` for its virtual environment, `slow` where a run on fifty nodes takes
minutes (one round has to do there), and an instance for each lab with `run("first" | "second")`, which returns figures or raises
where the nodes did not end as they should, and `forget()`, after which its next first run begins with no connection.
"""

from .ansible import AnsibleMitogen, AnsibleTuned
from .asyncssh import AsyncSsh
from .portcullis import Portcullis
from .pyinfra import Pyinfra
from .tar_ssh import TarSsh

ALL = {tool.name: tool for tool in (Portcullis, AnsibleTuned, AnsibleMitogen, Pyinfra, TarSsh, AsyncSsh)}
