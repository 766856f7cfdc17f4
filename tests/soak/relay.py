#!/usr/bin/env python3
"""A TCP relay in front of PostgreSQL that resets connections in the middle of a row when told to.

Arguments: port to listen on, port of the server. A line with a number on standard input arms it with so
many cuts; each writes a line to standard output. It follows the server's frames, so that a cut comes
behind the first half of a DataRow, and makes sure of a RST towards both sides.
"""
import asyncio
import socket
import struct
import sys

CHUNK = 65536


class Frames:
    """Where messages begin in a stream from the server that comes in any pieces."""

    def __init__(self):
        self.header, self.left, self.kind = b"", 0, b""

    def half_row(self, data):
        """How many bytes up to the middle of the first DataRow's body that ends or goes on here; or 0."""
        at, found = 0, 0
        while at < len(data):
            if self.left == 0:
                take = data[at:at + 5 - len(self.header)]
                self.header, at = self.header + take, at + len(take)
                if len(self.header) < 5:
                    break
                self.kind, size = struct.unpack("!cI", self.header)
                self.header, self.left = b"", size - 4
            step = min(self.left, len(data) - at)
            if self.kind == b"D" and not found and step > 1:
                found = at + step // 2
            self.left, at = self.left - step, at + step
        return found


class Relay:
    def __init__(self, server_port):
        self.server_port, self.cuts = server_port, 0

    async def serve(self, reader, writer):
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            reset(writer)
            return
        pumps = [asyncio.create_task(self.pump(reader, server_writer, None)),
                 asyncio.create_task(self.pump(server_reader, writer, Frames()))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            reset(server_writer) if self.was_cut(pumps) else server_writer.close()
            reset(writer) if self.was_cut(pumps) else writer.close()

    @staticmethod
    def was_cut(pumps):
        return any(not pump.cancelled() and pump.exception() is None and pump.result() for pump in pumps)

    async def pump(self, reader, writer, frames):
        """True if it ended by a cut."""
        try:
            while data := await reader.read(CHUNK):
                half = frames.half_row(data) if frames else 0
                if half and self.cuts:
                    self.cuts -= 1
                    writer.write(data[:half])
                    print("cut", flush=True)
                    return True
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        return False


def reset(writer):
    """RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def main():
    port, server_port = map(int, sys.argv[1:3])
    relay = Relay(server_port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", port, limit=CHUNK)
    print("ready", flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        relay.cuts = int(line)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
