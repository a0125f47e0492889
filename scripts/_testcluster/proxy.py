"""The network between laptop and hosts: a TCP proxy that can be cut, frozen or slowed down.

A host's door is *open*, *cut* (connections reset, new ones refused) or *frozen* (nothing moves, new
connections hang); on top of that it has a latency. Bytes are released half a round trip after they
were read. What a frozen door is not: the machine's kernel still acknowledges what a client sends,
until buffers are full, so only timers above TCP (ServerAliveInterval) notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from .base import Fail

Mode = Literal["open", "cut", "frozen"]
Address = tuple[str, int]

CHUNK = 65536
CHUNKS_IN_FLIGHT = 64
BACKLOG = 128


class Door:
    """The way to one host; owned by the event loop's thread."""

    def __init__(self, listen: Address, upstream: Address) -> None:
        self.mode: Mode = "open"
        self.latency_s = 0.0
        self._listen, self._upstream = listen, upstream
        self._flows: dict[asyncio.Task[None], list[socket.socket]] = {}
        self._moving = asyncio.Event()
        self._moving.set()
        self._listener: socket.socket | None = None
        self._filler: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Let everything through again."""
        if self._listener is None:
            self._listener = _listening(self._listen)
        self._listener.listen(BACKLOG)
        if self._filler:
            self._filler.close()
            self._filler = None
        if self._accepting is None:
            self._accepting = asyncio.create_task(self._accept(self._listener))
        self._moving.set()
        self.mode = "open"

    def cut(self) -> None:
        """Reset all connections; refuse new ones."""
        self._stop_accepting()
        if self._listener:
            self._listener.close()
            self._listener = None
        if self._filler:
            self._filler.close()
            self._filler = None
        for task, ends in self._flows.items():
            task.cancel()
            for end in ends:
                _reset(end)
        self.mode = "cut"

    def freeze(self) -> None:
        """Move nothing, and make new connections hang."""
        if self.mode == "cut":
            self.open()
        if self.mode == "frozen" or self._listener is None:
            return
        self._moving.clear()
        self._stop_accepting()
        # A queue of one, filled by ourselves: the kernel then drops what wants to connect.
        self._listener.listen(0)
        self._filler = socket.create_connection(self._listen, timeout=1)
        self.mode = "frozen"

    def _stop_accepting(self) -> None:
        if self._accepting:
            self._accepting.cancel()
            self._accepting = None

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(self._serve(client))
            self._flows[task] = [client]
            task.add_done_callback(self._flows.pop)

    async def _serve(self, client: socket.socket) -> None:
        """Carry one connection until both sides have ended it."""
        task = asyncio.current_task()
        assert task
        upstream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._flows[task].append(upstream)
        loop = asyncio.get_running_loop()
        with client, upstream:
            for end in (client, upstream):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The handshake's round trip, then the way there.
            await asyncio.sleep(1.5 * self.latency_s)
            await self._moving.wait()
            try:
                await loop.sock_connect(upstream, self._upstream)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(client, upstream))
                    both.create_task(self._pump(upstream, client))
            except* OSError:
                _reset(client)

    async def _pump(self, source: socket.socket, target: socket.socket) -> None:
        """Carry one direction, then the end of it."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_IN_FLIGHT)

        async def read() -> None:
            while True:
                await self._moving.wait()
                data = await loop.sock_recv(source, CHUNK)
                await queue.put((loop.time() + self.latency_s / 2, data))
                if not data:
                    return

        async def write() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(due - loop.time())
                await self._moving.wait()
                if not data:
                    with contextlib.suppress(OSError):
                        target.shutdown(socket.SHUT_WR)
                    return
                await loop.sock_sendall(target, data)

        async with asyncio.TaskGroup() as both:
            both.create_task(read())
            both.create_task(write())


def serve(control: Path, ready: Path, doors: dict[str, tuple[Address, Address]]) -> None:
    """Be the proxy, for ever; `ready` gets our pid once all listen."""
    asyncio.run(_serve_all(control, ready, doors))


async def _serve_all(control: Path, ready: Path, ends: dict[str, tuple[Address, Address]]) -> None:
    doors = {name: Door(listen, upstream) for name, (listen, upstream) in ends.items()}
    for door in doors.values():
        door.open()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        for name in request.get("hosts", []):
            _act(doors[name], request)
        states = {
            name: {"link": door.mode, "latency_ms": round(door.latency_s * 1000)}
            for name, door in doors.items()
        }
        writer.write(json.dumps(states).encode() + b"\n")
        writer.close()

    async with _control_server(control, answer) as server:
        beside = ready.with_suffix(".new")
        beside.write_text(str(os.getpid()))
        beside.replace(ready)
        await server.serve_forever()


@contextlib.asynccontextmanager
async def _control_server(path: Path, answer: object) -> AsyncIterator[asyncio.Server]:
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path)  # type: ignore[arg-type]
    async with server:
        yield server


def _act(door: Door, request: dict[str, object]) -> None:
    if request["do"] == "cut":
        door.cut()
    elif request["do"] == "freeze":
        door.freeze()
    elif request["do"] == "heal":
        door.open()
    elif request["do"] == "latency":
        door.latency_s = float(str(request["ms"])) / 1000


def ask(control: Path, **request: object) -> dict[str, dict[str, object]]:
    """Tell a running proxy what to do; return the state of its doors."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        try:
            connection.connect(str(control))
        except OSError as error:
            raise Fail(f"the proxy is gone ({error.strerror}): `testcluster up` again") from error
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile() as answer:
            states: dict[str, dict[str, object]] = json.loads(answer.readline())
            return states


def _listening(address: Address) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _reset(end: socket.socket) -> None:
    """Close so that the other side gets a reset."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
