"""The recipe of an environment: all that goes into it, in one tree that travels like code, named by its content.

Its format is that of xpm/agent/building.py. The same lock file, Python and way of building are the same recipe, so what
was built for one plan is there for all, until one of them changes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xpm.connectors.base import Snapshot
from xpm.connectors.specs import LocalSpec
from xpm.errors import PlanProblem
from xpm.sync import caches
from xpm.sync.contents import cache_folder
from xpm.sync.snapshot import identity
from xpm.wire import files

if TYPE_CHECKING:
    from xpm.launchers.model import Made
    from xpm.launchers.profiles import Launcher, Prepared

FORMAT = 1

Tree = dict[str, tuple[str, int, str]]
Recipe = dict[str, object]


class Environments:
    """The recipes of one run, each made once.

    Args:
        project: the plan's project folder, where lock files are looked for.
        imports: what the plan imports at once, and where: (name, ``plan.py:3``).
        note: tells a person something.
    """

    def __init__(
        self,
        project: Path,
        imports: Callable[[], Sequence[tuple[str, str]]],
        note: Callable[[str], None],
    ) -> None:
        self._project = project
        self._imports = imports
        self._note = note
        self._made: dict[tuple[str, str], Snapshot | None] = {}

    def of(self, launcher: "Launcher", connector: str) -> Snapshot | None:
        """The recipe of a launcher's environment at a place; None when its jobs take that as it is.

        Raises:
            PlanProblem: a file it needs is not there, or cannot be used.
        """
        key = (launcher.name, connector)
        if key not in self._made:
            self._made[key] = self._recipe(launcher.prepared(connector))
        return self._made[key]

    def _recipe(self, prepared: "Prepared") -> Snapshot | None:
        setup = prepared.setup
        is_here = isinstance(prepared.place, LocalSpec)
        imports = [] if is_here else [list(each) for each in self._imports()]
        made = setup.made
        if not (made or setup.modules or (setup.python and not is_here) or imports):
            return None
        recipe: Recipe = {
            "format": FORMAT, "python": setup.python, "version": None, "pre": list(prepared.pre),
            "modules": list(setup.modules), "exports": list(prepared.exports), "make": None, "use": None,
            "imports": imports,
        }  # fmt: skip
        tree: Tree = {}
        if made is not None:
            self._add(made, recipe, tree)
        raw = json.dumps(recipe, sort_keys=True, indent=1).encode("ascii")
        tree["recipe.json"] = _stored(raw)
        return Snapshot(identity(tree), tree)

    def _add(self, made: "Made", recipe: Recipe, tree: Tree) -> None:
        if made.kind == "venv":
            recipe["use"] = {"venv": made.texts["path"]}
        elif made.kind == "apptainer":
            use: Recipe = {**made.texts, **made.truths}
            use["bind"] = [each for each in made.lists.get("bind", ()) if "{jobdir}" not in each]
            recipe["use"] = use
        elif made.kind == "conda":
            self._add_conda(made, recipe, tree)
        else:
            self._add_pip(made, recipe, tree)

    def _add_conda(self, made: "Made", recipe: Recipe, tree: Tree) -> None:
        name = made.texts.get("explicit") or made.texts.get("file")
        if name is None:
            recipe["use"] = {"conda": made.texts["name"]}
            return
        path = self._project / name
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise PlanProblem(
                "the file of a conda environment cannot be read", on=str(path), cause=str(error),
                hint="name it in the profile (conda:), from the plan's project folder",
                where=str(made.mark or ""),
            ) from error  # fmt: skip
        explicit = "explicit" in made.texts
        file = "explicit.txt" if explicit else "environment.yml"
        tree[file] = _stored(raw)
        recipe["make"] = {"with": "conda", "file": file, "explicit": explicit, **_way(made)}

    def _add_pip(self, made: "Made", recipe: Recipe, tree: Tree) -> None:
        from xpm.sync import locks, wheels

        folder = self._project / made.texts.get("project", ".")
        try:
            if "requirements" in made.texts:
                wanted = locks.from_requirements(folder / made.texts["requirements"])
            else:
                lock = folder / made.texts.get("lock", "uv.lock")
                wanted = locks.from_uv_lock(
                    lock, made.lists.get("groups", ()), made.lists.get("extras", ())
                )
        except PlanProblem as problem:
            problem.where = problem.where or str(made.mark or "")
            raise
        if not wanted.hashes:
            self._note(
                "the environment is built from requirements without hashes: another day, or"
                " elsewhere, it may be another one"
            )
        for each in wanted.left:
            self._note(f"not installed there: {each}")
        recipe["version"] = made.texts.get("python")
        by_wheels = made.texts.get("build") == "wheels"
        index = made.texts.get("index")
        if by_wheels:
            series, platforms = made.texts["python"], made.lists.get("platform", ())
            for path in wheels.fetch(wanted, series, platforms, index, cache_folder() / "wheels"):
                sha = hashlib.sha256(path.read_bytes()).hexdigest()
                tree[f"wheels/{path.name}"] = (sha, 0o644, str(path))
        tree["requirements.txt"] = _stored(_plain(wanted.text, by_wheels).encode())
        recipe["make"] = {
            "with": "pip", "requirements": "requirements.txt", "hashes": wanted.hashes,
            "complete": wanted.complete, "wheels": by_wheels, "index": None if by_wheels else index,
            "find_links": list(made.lists.get("find_links", ())), **_way(made),
        }  # fmt: skip


def _plain(text: str, without_index: bool) -> str:
    """Requirements for a side that must not look for an index."""
    lines = text.splitlines()
    if without_index:
        lines = [each for each in lines if not each.startswith(("--index-url", "--extra-index"))]
    return "\n".join(lines) + "\n"


def _way(made: "Made") -> Mapping[str, object]:
    build = made.texts.get("build", "login")
    return {"build": build, "extra": list(made.lists.get("extra", ()))}


def _stored(raw: bytes) -> tuple[str, int, str]:
    """A file of a recipe, kept here under its content until it is sent."""
    sha = hashlib.sha256(raw).hexdigest()
    path = cache_folder() / "recipes" / sha
    if path.exists():
        caches.used(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(str(path), raw)
    return sha, 0o644, str(path)
