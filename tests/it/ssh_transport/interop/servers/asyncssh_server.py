"""An AsyncSSH server for one key: runs commands, forwards connections. Arguments: port, host key, authorized keys."""

import asyncio
import sys

import asyncssh


class Server(asyncssh.SSHServer):
    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True


async def pump(source, sink):
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()


async def feed(process, stdin):
    try:
        await pump(process.stdin, stdin)
    except (BrokenPipeError, ConnectionResetError):
        pass
    stdin.close()


async def run(process):
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_shell(process.command, stdin=pipe, stdout=pipe, stderr=pipe)
    feeding = asyncio.ensure_future(feed(process, child.stdin))
    await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
    process.exit(await child.wait())
    feeding.cancel()


async def main():
    port, host_key, authorized = sys.argv[1:]
    server = await asyncssh.listen(
        "127.0.0.1",
        int(port),
        server_factory=Server,
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        process_factory=run,
        encoding=None,
    )
    await server.wait_closed()


asyncio.run(main())
