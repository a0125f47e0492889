"""The page as an application: what it answers to which address."""

import asyncio
import base64
import hashlib
import os
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from xpm.connectors.base import JobRef
from xpm.errors import UsageProblem, XpmError
from xpm.follow.main import MainFolder
from xpm.monitor import acting, columns, folders, jobs, logs, overviews, tables
from xpm.monitor.acting import Actor
from xpm.monitor.asking import Owner
from xpm.monitor.board import Board, Entry
from xpm.monitor.coming import Coming
from xpm.monitor.guard import Guard, Pass
from xpm.monitor.measures import Measures
from xpm.monitor.push import Push
from xpm.monitor.saying import Told
from xpm.monitor.wishes import Wish

STATIC = Path(__file__).parent / "static"
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
CHUNK = 1 << 16
MOST_COLUMNS = 30
MOST_STREAMS = 4
"""Browsers have six connections to a place: some are for questions."""
AGAIN_MS = 3000
Answer = Callable[[Request], Awaitable[Response]]


def policy(page: str) -> str:
    """What the page may load and run: its own files, and the one import map that is written into it."""
    found = _IMPORT_MAP.search(page)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found.group(1).encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'"
    )


class Monitor:
    """Answers for one main folder.

    Args:
        main: the main folder.
        acts: who does what the page wishes.
        link: the connections that whoever follows the jobs has open; None: those of ``acts``, who does.
    """

    def __init__(self, main: MainFolder, acts: Actor, link: logs.Link | None = None) -> None:
        self._main = main
        self._acts = acts
        self._link = link or acts.link
        self._is_leaving = False
        self._streams = 0
        self._pulls = Actor(main, acts.world)  # a long pull delays no cancel
        self._board = Owner("board", lambda: Board(main))
        self._measures = Owner("measures", lambda: Measures(main))
        self._coming = Coming()
        self._push = Push(self._board, self._coming)
        self._page = (STATIC / "index.html").read_text("utf-8")

    def application(self, allowed: Pass) -> Starlette:
        """What a server serves."""
        api: Mapping[str, Answer] = {
            "overview": self._overview,
            "jobs": self._jobs,
            "columns": self._columns,
            "job/{task}/{job}": self._job,
            "log/{task}/{job}": self._log,
            "follow/{task}/{job}": self._follow,
            "graph": self._graph,
            "results": self._results,
            "curves": self._curves,
            "connectors": self._connectors,
            "events": self._events,
        }
        routes = [
            Route("/", self._index),
            *(Route(f"/api/{path}", answer) for path, answer in api.items()),
            Route("/api/act", self._act, methods=["POST"]),
            Route("/files/{task}/{job}/{path:path}", self._file),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        return Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={XpmError: _problem},
            middleware=[Middleware(Guard, allowed=allowed, policy=policy(self._page))],
        )

    def stop(self) -> None:
        """Let the pages go, so that the server can end."""
        self._is_leaving = True
        self._push.stop()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._acts.start()
        self._pulls.start()
        yield
        self._push.stop()
        self._acts.stop()
        self._pulls.stop()
        self._board.close()
        self._measures.close()

    async def _index(self, _: Request) -> Response:
        return HTMLResponse(self._page)

    async def _overview(self, _: Request) -> Response:
        found = await self._fresh(overviews.overview)
        return Told({**found, "trouble": self._acts.trouble})

    async def _jobs(self, request: Request) -> Response:
        ask = request.query_params
        text, experiment = ask.get("q", ""), ask.get("experiment") or None
        states, more = _listed(ask.get("states")), _listed(ask.get("columns"))[:MOST_COLUMNS]
        sort = ask.get("sort", "")
        measured: tables.Measured | None = None
        if sort.removeprefix("-").startswith("metric."):
            every = await self._fresh(lambda board: board.passing(text, experiment))
            metric = sort.removeprefix("-").removeprefix("metric.")
            measured = await self._measures.ask(lambda known: known.of(every, metric))

        def answer(board: Board) -> tuple[dict[str, Any], Sequence[Entry]]:
            found, window = tables.page(
                board, text, experiment, states, sort,
                _number(request, "offset", 0), _number(request, "limit", 100), measured,
            )  # fmt: skip
            rows: Any = found["rows"]
            for row, entry in zip(rows, window, strict=True) if more else ():
                row["cells"] = dict(columns.cells(board, entry, more))
            if ask.get("facets"):
                every = board.passing("", experiment)
                found["tags"] = tables.tags(every)
                found["tasks"] = tables.tasks(every)
            return found, window

        found, window = await self._fresh(answer)
        if any(each.startswith("metric.") for each in more):
            values = await self._measures.ask(lambda known: known.metrics(window))
            for row, metrics in zip(found["rows"], values, strict=True):
                row["cells"].update({f"metric.{name}": value for name, value in metrics.items()})
        return Told(found)

    async def _columns(self, request: Request) -> Response:
        """What tables can show of the jobs of an experiment, or of all."""
        experiment = request.query_params.get("experiment") or None
        every, found = await self._fresh(
            lambda board: (
                some := board.passing("", experiment),
                {"tag": list(tables.tags(some)), **columns.offered(board, some)},
            )
        )
        names = await self._measures.ask(lambda known: known.names(every))
        return Told({**found, "metric": names})

    async def _job(self, request: Request) -> Response:
        ref = _ref(request)
        found = await self._fresh(lambda board: jobs.page(board, ref))
        if found is None:
            raise HTTPException(404, "there is no such job")
        other = request.query_params.get("with")
        if other:
            noted = self._main.job(JobRef(ref.task, _checked(other))) or {}
            found["other"] = jobs.parameters(noted)
        return Told(found)

    async def _log(self, request: Request) -> Response:
        """A piece of a log, and where its last traceback is when that is asked for."""
        ref, stream = _ref(request), _stream(request)
        where = await self._source(ref, stream)
        if where is None:
            raise HTTPException(404, "there is no such job")
        if "traceback" in request.query_params:
            at = await asyncio.to_thread(logs.traceback, where, stream)
            return Told({"at": at})
        piece = await asyncio.to_thread(
            logs.read, where, ref, stream, _number(request, "offset", -logs.FIRST),
            _number(request, "limit", logs.FIRST), "joined" in request.query_params,
        )  # fmt: skip
        return Told(asdict(piece))

    async def _follow(self, request: Request) -> Response:
        ref, stream = _ref(request), _stream(request)
        await self._folder(request)
        seen = request.headers.get("last-event-id", "")
        begin = int(seen) if re.fullmatch(r"[0-9]{1,15}", seen) else None
        is_once = self._streams >= MOST_STREAMS
        events = logs.follow(lambda: self._source(ref, stream), ref, stream, begin, is_once)
        return StreamingResponse(self._told(events, is_once), media_type="text/event-stream")

    async def _source(self, ref: JobRef, stream: str) -> logs.Source | None:
        found: logs.Source | None = await self._fresh(
            lambda board: logs.source(board, ref, stream, self._link)
        )
        return found

    async def _told(self, events: AsyncGenerator[str], is_once: bool) -> AsyncIterator[str]:
        """Events for one page; of many pages at once some come back every few seconds, as browsers have few connections."""
        if is_once:
            yield f"retry: {AGAIN_MS}\n\n"
        self._streams += 1
        try:
            async with aclosing(events):
                async for each in events:
                    if self._is_leaving:
                        return
                    yield each
        finally:
            self._streams -= 1

    async def _file(self, request: Request) -> Response:
        folder = await self._folder(request)
        path = str(request.path_params["path"])
        try:
            fd = await asyncio.to_thread(folders.opened, folder, path)
        except folders.Outside:
            raise HTTPException(404, "there is no such file") from None
        name = re.sub(r"[^A-Za-z0-9._-]", "_", path.rpartition("/")[2])
        kind = "attachment" if "download" in request.query_params else "inline"
        return StreamingResponse(
            _content(fd),
            media_type="text/plain; charset=utf-8",
            headers={
                "content-disposition": f'{kind}; filename="{name}"',
                "content-length": str(os.fstat(fd).st_size),
                "content-security-policy": "sandbox; default-src 'none'",
            },
        )

    async def _graph(self, request: Request) -> Response:
        ask = request.query_params
        return Told(
            await self._fresh(
                lambda board: overviews.graph(board, ask.get("experiment", ""), ask.get("by", ""))
            )
        )

    async def _results(self, request: Request) -> Response:
        ask = request.query_params
        by = _listed(ask.get("by"))

        some = await self._fresh(
            lambda board: board.passing(ask.get("q", ""), ask.get("experiment") or None)
        )
        return Told(await self._measures.ask(lambda known: known.results(some, by)))

    async def _curves(self, request: Request) -> Response:
        asked = [each.partition("/") for each in request.query_params.get("jobs", "").split(",")]
        refs = [JobRef(_checked(task), _checked(job)) for task, _, job in asked if job]
        known = await self._board.ask(
            lambda board: [ref for ref in refs if board.entry(ref) is not None]
        )
        return Told(await self._measures.ask(lambda found: found.curves(known)))

    async def _connectors(self, _: Request) -> Response:
        profiles = await asyncio.to_thread(self._acts.profiles)
        found = await self._fresh(lambda board: overviews.connectors(board, profiles))
        return Told({"connectors": found, "trouble": self._acts.trouble})

    async def _events(self, _: Request) -> Response:
        is_once = self._streams >= MOST_STREAMS
        events = self._told(self._push.listen(is_once), is_once)
        return StreamingResponse(events, media_type="text/event-stream")

    async def _act(self, request: Request) -> Response:
        wish = Wish.read(await request.body())
        if wish.action == "sync":
            return await self._done(self._acts, acting.does("sync", (), self._coming))
        chosen = await self._fresh(wish.chosen)
        if wish.expected is None:
            return Told({"jobs": len(chosen), "counts": Counter(each.row.state for each in chosen)})
        if wish.expected != len(chosen):
            text = f"these were {wish.expected} jobs and are {len(chosen)} now: look again"
            return Told({"error": {"what": text}}, 409)
        actor = self._pulls if wish.action == "pull" else self._acts
        refs = [each.row.ref for each in chosen]
        return await self._done(actor, acting.does(wish.action, refs, self._coming))

    async def _done(self, actor: Actor, act: Callable[[Any], acting.Done]) -> Response:
        done = await asyncio.wrap_future(actor.wish(act))
        return Told({"text": done.text, "problems": list(done.problems)})

    async def _fresh(self, question: Callable[[Board], Any]) -> Any:  # any JSON
        if self._push.is_looking:
            return await self._board.ask(question)

        def looked(board: Board) -> Any:
            board.refresh()
            return question(board)

        return await self._board.ask(looked)

    async def _folder(self, request: Request) -> Path:
        """The folder of the job asked for, which must be one of ours."""
        ref = _ref(request)
        if await self._board.ask(lambda board: board.entry(ref)) is None:
            raise HTTPException(404, "there is no such job")
        return self._main.job_folder(ref)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, XpmError)
    status = 400 if isinstance(error, UsageProblem) else 502
    return Told({"error": overviews.problem(error)}, status)


def _ref(request: Request) -> JobRef:
    return JobRef(_checked(request.path_params["task"]), _checked(request.path_params["job"]))


def _stream(request: Request) -> str:
    stream = request.query_params.get("stream", "stdout")
    if stream not in logs.STREAMS:
        raise HTTPException(404)
    return stream


def _checked(name: str) -> str:
    """A part of a path that is one."""
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise HTTPException(404)
    return name


def _listed(text: str | None) -> list[str]:
    return [each for each in (text or "").split(",") if each]


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else otherwise


async def _content(fd: int) -> AsyncIterator[bytes]:
    with os.fdopen(fd, "rb") as file:
        left = os.fstat(fd).st_size
        while left and (piece := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(piece)
            yield piece
