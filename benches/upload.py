#!/usr/bin/env python3
"""Uploads through a jumphost beside `scp -J` and `ssh -J … cat`, taking turns, and what a login costs the client.

Two sshds on loopback, on the same cores. Rows go to target/bench/upload.json: {"tool", "mb", "round", "wall_s", "cpu_s"},
and {"tool": "portcullis", "logins", "wall_s", "cpu_ms_each", "round_trips"}. Needs a release build:
cargo build --release --bench upload
"""

import argparse
import glob
import hashlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_sshd(folder, name):
    port = free_port()
    key = f"{folder}/{name}_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config = f"{folder}/{name}.conf"
    with open(config, "w", encoding="ascii") as file:
        file.write(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {key}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
            f"AuthorizedKeysFile {folder}/id.pub\nPrintMotd no\nMaxStartups 200\nSubsystem sftp internal-sftp\n"
        )
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", config])
    with open(f"{key}.pub", encoding="ascii") as public, open(f"{folder}/known_hosts", "a", encoding="ascii") as known:
        known.write(f"[127.0.0.1]:{port} {public.read()}")
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server, port
        except ConnectionRefusedError:
            time.sleep(0.02)


def write_client_config(folder, jump, node):
    with open(f"{folder}/config", "w", encoding="ascii") as file:
        file.write(
            f"Host jump\n Port {jump}\nHost node\n Port {node}\n ProxyJump jump\n"
            f"Host *\n HostName 127.0.0.1\n IdentityFile {folder}/id\n IdentitiesOnly yes\n UserKnownHostsFile {folder}/known_hosts\n"
        )


def timed(command, **options):
    """Wall and processor seconds of a command and of all that it waited for."""
    began = time.monotonic()
    process = subprocess.Popen(command, **options)
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, output


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--logins", type=int, default=50)
    options = parser.parse_args()
    programs = [path for path in glob.glob(f"{ROOT}/target/release/deps/upload-*") if os.access(path, os.X_OK) and "." not in os.path.basename(path)]
    if not programs:
        raise SystemExit("cargo build --release --bench upload, first")
    ours = max(programs, key=os.path.getmtime)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/id"], check=True)
        servers = [start_sshd(folder, name) for name in ("jump", "node")]
        (_, jump), (_, node) = servers
        write_client_config(folder, jump, node)
        source, target = f"{folder}/source", f"{folder}/target"
        with open(source, "wb") as file:
            for _ in range(options.mb):
                file.write(os.urandom(1_000_000))
        expected = sha256(source)
        ssh = ["-F", f"{folder}/config", "-q"]
        tools = {
            "portcullis": lambda: timed([ours, folder, str(jump), str(node), source, target], stdout=subprocess.DEVNULL),
            "scp-J": lambda: timed(["scp", *ssh, source, f"node:{target}"]),
            "ssh-cat": lambda: timed(["ssh", *ssh, "node", f"cat >{target}"], stdin=open(source, "rb")),
        }
        try:
            for number in range(options.rounds):
                for tool, run in tools.items():
                    if os.path.exists(target):
                        os.remove(target)
                    wall, cpu, _ = run()
                    if sha256(target) != expected:
                        raise SystemExit(f"{tool}: what arrived is not what was sent")
                    rows.append({"tool": tool, "mb": options.mb, "round": number, "wall_s": round(wall, 3), "cpu_s": round(cpu, 3)})
            for number in range(options.rounds):
                wall, _, said = timed([ours, folder, str(jump), str(node), "logins", str(options.logins)], stdout=subprocess.PIPE)
                said = json.loads(said)
                each = round(said["cpu_s"] * 1000 / options.logins, 2)
                rows.append({"tool": "portcullis", "logins": options.logins, "round": number, "wall_s": round(wall, 3), "cpu_ms_each": each, "round_trips": said["round_trips"]})
        finally:
            for server, _ in servers:
                server.terminate()
    os.makedirs(f"{ROOT}/target/bench", exist_ok=True)
    with open(f"{ROOT}/target/bench/upload.json", "w", encoding="ascii") as file:
        json.dump(rows, file, indent=1)
    for tool in tools:
        mine = [row for row in rows if row["tool"] == tool and "mb" in row]
        wall = statistics.median(row["wall_s"] for row in mine)
        print(f"{tool:12} {wall:6.2f} s  {options.mb / wall:6.1f} MB/s  client CPU {statistics.median(row['cpu_s'] for row in mine):5.2f} s")
    logins = [row for row in rows if "logins" in row]
    print(f"{options.logins} logins: {statistics.median(row['cpu_ms_each'] for row in logins)} ms client CPU each, {logins[0]['round_trips']} round trips, "
          f"{statistics.median(row['wall_s'] for row in logins)} s")


main()
