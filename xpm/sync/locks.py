"""Lock files and requirements, as the lines that pip and uv install from, with nothing left to be chosen there.

uv.lock is read here (its version 1), so that neither side needs uv: what the project needs is followed from its own entry,
with the markers on the way. What is local (the project itself, path dependencies) is left out: it travels as code.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

from xpm.errors import PlanProblem

PYPI = "https://pypi.org/simple"
LOCAL = ("editable", "virtual", "directory")
_OPTION = re.compile(r"^(-r|--requirement|-c|--constraint)[ =]*(.+)$")
_EDITABLE = re.compile(r"^(-e|--editable)[ =]*(.+)$")

Package = Mapping[str, Any]
Markers = frozenset[str]


@dataclass(frozen=True, slots=True)
class Requirements:
    """What is to be installed."""

    text: str
    hashes: bool
    """Every file is named by its hash."""
    complete: bool
    """Nothing else is needed: dependencies are not to be looked for."""
    left: Sequence[str] = field(default_factory=tuple)
    """What was left out, in words."""


def from_requirements(path: Path) -> Requirements:
    """What a requirements file says, with the files it names."""
    lines: list[str] = []
    left: list[str] = []
    _read(path, lines, left, set())
    text = "\n".join(lines) + "\n"
    hashed = "--hash=" in text
    return Requirements(text, hashed, hashed, left)


def from_uv_lock(
    path: Path, groups: Sequence[str] = (), extras: Sequence[str] = ()
) -> Requirements:
    """What a uv.lock says.

    Args:
        path: the file.
        groups: dependency groups to install besides.
        extras: extras of the project to install besides.

    Raises:
        PlanProblem: it cannot be read, or says what only uv itself understands.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PlanProblem(
            "the lock file of an environment cannot be read", on=str(path), cause=str(error),
            hint="write it with `uv lock`, or name another one in the profile (lock:)",
        ) from error  # fmt: skip
    if content.get("version") != 1:
        raise PlanProblem(
            "the lock file of an environment is of a format that is not known",
            on=str(path), cause=f"version = {content.get('version')!r}",
            hint="`uv export --frozen -o requirements.txt`, and requirements: instead of lock:",
        )  # fmt: skip
    lock = _Lock(path, content.get("package") or [])
    return lock.requirements(groups, extras)


class _Lock:
    """The packages of a uv.lock."""

    def __init__(self, path: Path, packages: Sequence[Package]) -> None:
        self._path = path
        self._packages = packages
        self._paths: dict[int, set[Markers]] = {}
        self._extras: dict[tuple[int, str], set[Markers]] = {}
        self._left: list[str] = []

    def requirements(self, groups: Sequence[str], extras: Sequence[str]) -> Requirements:
        root = self._root()
        self._follow(root, frozenset(), "dependencies")
        for name in extras:
            self._follow(root, frozenset(), "optional-dependencies", name)
        for name in groups:
            self._follow(root, frozenset(), "dev-dependencies", name)
        chosen = sorted(self._paths, key=lambda each: str(self._packages[each]["name"]))
        lines = [line for index in chosen for line in self._lines(index)]
        hashes = all("--hash=" in line for line in lines)
        return Requirements(
            "\n".join([*self._indexes(chosen), *lines]) + "\n", hashes, True, self._left
        )

    def _root(self) -> int:
        local = [
            index
            for index, package in enumerate(self._packages)
            if any(package["source"].get(kind) == "." for kind in LOCAL)
        ]
        if len(local) != 1:
            raise PlanProblem(
                "the lock file does not say which package is the project", on=str(self._path),
                hint="`uv export --frozen -o requirements.txt`, and requirements: instead of lock:",
            )  # fmt: skip
        return local[0]

    def _follow(self, index: int, markers: Markers, kind: str, extra: str = "") -> None:
        package = self._packages[index]
        found: Any = package.get(kind) or ([] if kind == "dependencies" else {})
        if kind != "dependencies":
            if extra not in found:
                raise PlanProblem(
                    f"the lock file has no {kind} {extra!r} of {package['name']}",
                    on=str(self._path), cause=f"it has {', '.join(found) or 'none'}",
                )  # fmt: skip
            found = found[extra]
        for each in found:
            marker = str(each.get("marker") or "")
            if "extra ==" in marker:
                raise PlanProblem(
                    "the lock file has conflicting extras, which only uv understands",
                    on=str(self._path), cause=f"{each['name']}: {marker}",
                    hint="`uv export --frozen -o requirements.txt`, and requirements: instead",
                )  # fmt: skip
            path = markers | {marker} if marker else markers
            self._visit(self._find(each), path, each.get("extra") or ())

    def _visit(self, index: int, markers: Markers, extras: Sequence[str]) -> None:
        known = self._paths.setdefault(index, set())
        is_new = not any(each <= markers for each in known)
        if is_new:
            known -= {each for each in known if markers < each}
            known.add(markers)
            self._follow(index, markers, "dependencies")
        for extra in extras:
            if (self._packages[index].get("optional-dependencies") or {}).get(extra) is not None:
                self._follow_extra(index, markers, extra)

    def _follow_extra(self, index: int, markers: Markers, extra: str) -> None:
        known = self._extras.setdefault((index, extra), set())
        if not any(each <= markers for each in known):
            known.add(markers)
            self._follow(index, markers, "optional-dependencies", extra)

    def _find(self, wanted: Package) -> int:
        for index, package in enumerate(self._packages):
            same = package["name"] == wanted["name"]
            version = wanted.get("version", package.get("version"))
            source = wanted.get("source", package["source"])
            if same and package.get("version") == version and package["source"] == source:
                return index
        raise PlanProblem(
            f"the lock file names {wanted['name']}, which it does not have", on=str(self._path),
            hint="write it anew with `uv lock`",
        )  # fmt: skip

    def _lines(self, index: int) -> Iterator[str]:
        package = self._packages[index]
        source: Mapping[str, str] = package["source"]
        name = str(package["name"])
        if any(kind in source for kind in LOCAL):
            return
        markers = self._markers(index)
        if "git" in source:
            url, commit = urldefrag(source["git"])
            yield f"{name} @ git+{url.partition('?')[0]}@{commit}{markers}"
            return
        if "path" in source:
            self._left.append(f"{name}: it is the local file {source['path']}")
            return
        hashes = [each.get("hash") for each in package.get("wheels") or ()]
        hashes += [(package.get("sdist") or {}).get("hash")]
        pinned = "".join(f" --hash={each}" for each in hashes if each)
        what = f"{name} @ {source['url']}" if "url" in source else f"{name}=={package['version']}"
        yield f"{what}{markers}{pinned}"

    def _markers(self, index: int) -> str:
        paths = self._paths[index]
        if frozenset() in paths:
            return ""
        told = sorted(" and ".join(_grouped(each) for each in sorted(path)) for path in paths)
        return " ; " + " or ".join(f"({each})" if len(told) > 1 else each for each in told)

    def _indexes(self, chosen: Sequence[int]) -> Iterator[str]:
        found = {str(self._packages[each]["source"].get("registry") or "") for each in chosen}
        remote = sorted(each for each in found if each.startswith("http"))
        if remote in ([], [PYPI]):
            return
        first = PYPI if PYPI in remote else remote[0]
        yield f"--index-url {first}"
        yield from (f"--extra-index-url {each}" for each in remote if each != first)


def _grouped(marker: str) -> str:
    return f"({marker})" if " or " in marker else marker


def _read(path: Path, lines: list[str], left: list[str], seen: set[Path]) -> None:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PlanProblem(
            "the requirements of an environment cannot be read", on=str(path), cause=str(error),
            hint="name the file in the profile (requirements:), from the plan's project folder",
        ) from error  # fmt: skip
    seen.add(path)
    for raw in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        line = re.sub(r"\s+", " ", line)
        included, editable = _OPTION.match(line), _EDITABLE.match(line)
        if included:
            other = path.parent / included.group(2).strip()
            if other not in seen:
                _read(other, lines, left, seen)
        elif editable or line.startswith((".", "file:")):
            left.append(f"{line}: local code travels with the plan")
        elif line:
            lines.append(line)
