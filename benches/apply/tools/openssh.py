"""What contestants that run OpenSSH's client share: its configuration, and the standing connection to the jumphost."""

import subprocess
import tempfile
from pathlib import Path


class Openssh:
    """An `ssh_config` in `folder` through which a lab's nodes are reached by their names, host keys pinned.

    With `keep_nodes` the nodes' connections stay open as well, as Ansible is tuned.
    """

    def __init__(self, folder, lab, keep_nodes=False, more=""):
        # Short, for a socket's path; gone with this object.
        self._temporary = tempfile.TemporaryDirectory(prefix="bench-")
        self._sockets = Path(self._temporary.name)
        self.config = folder / "ssh_config"
        jump, keep = lab.jump, f"ControlMaster auto\n  ControlPersist 900\n  ControlPath {self._sockets}/%C"
        text = f"""Host jump
  HostName {jump["address"]}
  Port {jump["port"] or 22}
  User {jump["user"]}
  {keep}
Host * !jump
  ProxyJump jump
"""
        text += f"  {keep}\n" if keep_nodes else ""
        for node in lab.nodes:
            text += f"Host {node['name']}\n  HostName {node['address']}\n  Port {node['port'] or 22}\n  User {node['user']}\n"
        text += f"""Host *
  UserKnownHostsFile {lab.known_hosts}
  StrictHostKeyChecking yes
  IdentitiesOnly yes
  IdentityFile {jump["key"]}
{more}"""
        self.config.write_text(text)

    def connect(self):
        """Opens the connection to the jumphost, where it does not stand yet."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["ssh", "-F", self.config, "-fN", "jump"], check=True, **quiet)

    def forget(self):
        """Ends every connection that was kept."""
        for socket in self._sockets.iterdir():
            subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"], capture_output=True, check=False)
