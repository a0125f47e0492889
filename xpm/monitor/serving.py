"""The page served: by ``xpm monitor`` in the foreground, or beside a running experiment by a thread."""

import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from xpm.errors import UsageProblem
from xpm.follow.main import MainFolder
from xpm.follow.world import World
from xpm.monitor.acting import Actor
from xpm.monitor.app import Monitor
from xpm.monitor.guard import Pass
from xpm.monitor.logs import Link

HOST = "127.0.0.1"
PORT = 12346
LEAVE_S = 2.0


class Server:
    """A page that can be opened now.

    Args:
        main: the main folder.
        port: where; 0: wherever there is room.
        follows: whether to ask connectors for news: nobody else may be doing so.
        world: where profiles and connectors come from.
        link: the connections that whoever follows the jobs has open.

    Raises:
        UsageProblem: the port cannot be used.
    """

    def __init__(
        self,
        main: MainFolder,
        port: int,
        follows: bool,
        world: World | None = None,
        link: Link | None = None,
    ) -> None:
        self._socket = _bound(port)
        self._pass = Pass(self._socket.getsockname()[1])
        self._monitor = Monitor(main, Actor(main, world, follows), link)
        config = uvicorn.Config(
            self._monitor.application(self._pass), log_level="warning", access_log=False,
            timeout_graceful_shutdown=1, server_header=False, ws="none", lifespan="on",
        )  # fmt: skip
        self._server = _Server(config, self._monitor.stop)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The link that opens it."""
        return self._pass.url

    def run(self) -> None:
        """Serve until interrupted."""
        with contextlib.closing(self._socket):
            self._server.run(sockets=[self._socket])

    def start(self) -> None:
        """Serve in a thread, until ``close``."""
        self._thread = threading.Thread(target=self.run, name="xpm monitor page", daemon=True)
        self._thread.start()

    def abandon(self) -> None:
        """Give the port back without having served."""
        self._socket.close()

    def close(self) -> None:
        """End it."""
        self._server.leave()
        if self._thread is not None:
            self._thread.join(LEAVE_S)


class _Server(uvicorn.Server):
    """Lets pages that listen go before it waits for them."""

    def __init__(self, config: uvicorn.Config, leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self._leaving = leaving

    async def shutdown(self, sockets: "list[socket.socket] | None" = None) -> None:
        self._leaving()
        await super().shutdown(sockets)

    def leave(self) -> None:
        self.should_exit = True


def beside(
    main: Path, port: int, note: Callable[[str], None], world: World, link: Link
) -> Server | None:
    """A page beside an experiment that follows its jobs itself; None when another process has the port: it is told."""
    try:
        server = Server(MainFolder(main), port, follows=False, world=world, link=link)
    except UsageProblem as problem:
        note(f"no page: {problem}")
        return None
    server.start()
    note(f"page: {server.url}")
    return server


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise UsageProblem(
            "the page cannot be served",
            on=f"{HOST}:{port}",
            cause="another program uses this port" if is_taken else str(error),
            hint="choose another one: --port N, or experiment(..., port=N); 0 takes any that is free",
        ) from error
    return found
