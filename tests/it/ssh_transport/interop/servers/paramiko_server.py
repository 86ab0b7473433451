"""A paramiko server for one key: runs commands, forwards connections. Arguments: port, host key, authorized keys."""

import base64
import socket
import subprocess
import sys
import threading

import paramiko


def pump(receive, send, end):
    try:
        while data := receive(32768):
            send(data)
    except (OSError, EOFError):
        pass
    try:
        end()
    except (OSError, EOFError):
        pass


def background(target, *arguments):
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def run(channel, command):
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, shell=True, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)

    def feed(data):
        while data:
            data = data[child.stdin.write(data):]

    background(pump, channel.recv, feed, child.stdin.close)
    outputs = [
        background(pump, child.stdout.read, channel.sendall, lambda: None),
        background(pump, child.stderr.read, channel.sendall_stderr, lambda: None),
    ]
    for output in outputs:
        output.join()
    channel.send_exit_status(child.wait())
    channel.shutdown_write()
    channel.close()


def forward(channel, destination):
    with socket.create_connection(destination) as there:
        there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        out = background(pump, channel.recv, there.sendall, lambda: there.shutdown(socket.SHUT_WR))
        pump(there.recv, channel.sendall, channel.shutdown_write)
        out.join()
    channel.close()


class Server(paramiko.ServerInterface):
    def __init__(self, authorized):
        self.authorized = authorized
        self.destinations = {}

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key.asbytes() == self.authorized else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        background(run, channel, command)
        return True

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        self.destinations[chanid] = destination
        return paramiko.OPEN_SUCCEEDED


def serve(connection, host_key, authorized):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(connection)
    transport.add_server_key(host_key)
    server = Server(authorized)
    try:
        transport.start_server(server=server)
    except (paramiko.SSHException, EOFError):
        return
    kept = []
    while transport.is_active():
        channel = transport.accept(1)
        if channel is None:
            continue
        kept.append(channel)
        destination = server.destinations.pop(channel.get_id(), None)
        if destination is not None:
            background(forward, channel, destination)


def main():
    port, host_key, authorized = sys.argv[1:]
    with open(authorized, encoding="ascii") as lines:
        key = base64.b64decode(lines.readline().split()[1])
    listener = socket.create_server(("127.0.0.1", int(port)))
    host_key = paramiko.Ed25519Key(filename=host_key)
    while True:
        background(serve, listener.accept()[0], host_key, key)


main()
