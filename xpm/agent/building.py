"""The program that makes an environment: ``python <travel folder> build WORKSPACE ENVIRONMENT``.

It checks the modules, finds the Python, builds what the recipe says in a folder of its own, looks whether jobs can start with
it, and then publishes: first the link, which only one builder can make, then the record. Version 1 of a recipe::

    {"format": 1, "python": path or null, "version": "3.12" or null,
     "pre": [sh line, ...], "modules": [name, ...], "exports": [sh line, ...],      run before everything, in this order
     "make": null | {"with": "pip", "requirements": name, "wheels": bool, "hashes": bool, "index": url or null,
                     "find_links": [folder, ...], "build": "login" | "job" | "wheels", "extra": [sbatch flag, ...]}
                  | {"with": "conda", "file": name, "explicit": bool, "build": ..., "extra": [...]},
     "use": null | {"venv": folder} | {"conda": name or folder}
                 | {"image": path or uri, "nv": bool or "auto", "rocm": bool, "bind": [...], "cleanenv": bool},
     "imports": [[name, where], ...]}                        what the plan imports at once, and where

Files it names lie beside ``recipe.json``, wheels below ``wheels/``.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from typing import Any, Dict, List, Optional

from xpm.agent import entering, environs, modules, nodes
from xpm.agent import place as places
from xpm.agent.benches import Bench, Trouble, Unbuildable, last, line
from xpm.agent.environs import Paths
from xpm.wire import disks, files
from xpm.wire.workspace import Layout

OLDEST = (3, 9)


class Builder(object):
    """Makes one environment.

    Args:
        layout: the workspace.
        environment: which.
        content: what place.json says.
    """

    def __init__(self, layout: Layout, environment: str, content: Dict[str, Any]) -> None:
        self._layout = layout
        self._environment = environment
        self._content = content
        self._where: Paths = environs.paths(layout, environment)
        self._folder = "%s~%s.%d.%s" % (
            self._where.link,
            os.uname().nodename.split(".")[0],
            os.getpid(),
            os.urandom(3).hex(),  # the number of a process comes again
        )
        self._recipe: Dict[str, Any] = {}
        self._bench = Bench(self._where, os.path.join(self._folder, "pip.log"))
        self._purged: Optional[str] = None

    def run(self) -> bool:
        """Make it; whether it is ready. Why not is noted where those who wait look."""
        begun = time.time()
        os.makedirs(self._where.folder, exist_ok=True)
        try:
            self._recipe = files.load(self._where.recipe) or {}
            if self._recipe.get("format") != 1:
                raise Unbuildable(
                    "its recipe %s is missing, or of a newer xpm" % self._where.recipe
                )
            self._bench.beat()
            found = self._looked_at() or self._make()
            found.update(format=environs.FORMAT, at=time.time(), host=os.uname().nodename)
            found["seconds"] = round(time.time() - begun, 1)
            files.write(self._where.record, files.dump(found), sync=True)
            _remove(self._where.failed)
            _remove(self._where.later)
            self._bench.say("ready after %.0f s" % found["seconds"])
            return True
        except Trouble as error:
            return self._put_off(str(error))
        except (Unbuildable, OSError, ValueError) as error:
            if isinstance(error, OSError) and disks.heals(error):
                return self._put_off(disks.words(error, self._where.folder))
            environs.fail(self._where, str(error), time.time())
            self._bench.say("failed: %s" % error)
            return False
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            _remove(self._where.attempt)

    def _put_off(self, words: str) -> bool:
        at = environs.put_off(self._where, words, time.time())
        self._bench.say(
            "put off: %s; tried again from %s on" % (words, time.strftime("%H:%M:%S", at))
        )
        return False

    def _make(self) -> Dict[str, Any]:
        recipe = self._recipe
        self._bench.pre += modules.heeded([str(each) for each in recipe.get("pre") or ()])
        modules.check(recipe.get("modules") or [], self._bench.ask)
        self._bench.pre += modules.lines(recipe.get("modules") or [])
        self._bench.pre += [str(each) for each in recipe.get("exports") or ()]
        use, make = self._recipe.get("use") or {}, self._recipe.get("make")
        if use.get("image"):
            return self._of_image(use)
        if make:
            found = self._built(make)
        elif use.get("venv"):
            found = entering.venv(self._expanded(str(use["venv"])))
        elif use.get("conda"):
            found = entering.conda(self._prefix(str(use["conda"])))
        else:
            found = {"python": self._base(), "activate": [], "kept": False}
        return self._checked(found)

    # ---------------------------------------------------------------------------- building

    def _built(self, make: Dict[str, Any]) -> Dict[str, Any]:
        is_conda = make.get("with") == "conda"
        if not (os.path.isdir(self._where.link) and self._is_whole()):
            self._build_conda(make) if is_conda else self._build_venv(make)
            self._checked(entering.conda(self._folder) if is_conda else entering.venv(self._folder))
            self._publish()
        found = entering.conda(self._where.link) if is_conda else entering.venv(self._where.link)
        return dict(found, kept=True, files=entering.count(self._where.link))

    def _looked_at(self) -> Optional[Dict[str, Any]]:
        """What is known already of one that was built before; None when there is something to make."""
        known = files.load(self._where.record) or {}
        if not known.get("kept"):
            return None
        if self._is_whole():
            return dict(known, files=entering.count(self._where.link))
        build = (self._recipe.get("make") or {}).get("build")
        if build != "job" or self._content.get("kind") != "slurm" or nodes.is_inside():
            return None
        return dict(known, purged=True)  # its batch job makes it anew

    def _is_whole(self) -> bool:
        """Whether what is built has lost no file since: some file systems purge by age."""
        known = files.load(self._where.record) or {}
        lost = int(known.get("files") or 0) - entering.count(self._where.link)
        if lost <= 0 and not known.get("purged"):
            return True
        self._bench.say("%d of its files are gone: built anew" % lost)
        with contextlib.suppress(OSError):
            self._purged = os.readlink(self._where.link)
        return False

    def _publish(self) -> None:
        if os.path.islink(self._where.link):
            was_purged = os.readlink(self._where.link) == self._purged
            if was_purged or not os.path.isdir(self._where.link):
                os.unlink(self._where.link)  # what it named was removed, or is not whole any more
        try:
            os.symlink(os.path.basename(self._folder), self._where.link)
        except FileExistsError:  # another builder was faster: its environment is as good
            return
        self._folder += ".none"  # from now on it is everybody's

    def _build_venv(self, make: Dict[str, Any]) -> None:
        beside = os.path.dirname(self._where.recipe)
        base = self._base()
        requirements = os.path.join(beside, str(make["requirements"]))
        options: List[str] = []
        if make.get("hashes"):
            options += ["--require-hashes"]
        if make.get("complete", True):
            options += ["--no-deps"]
        links = [self._expanded(str(each)) for each in make.get("find_links") or ()]
        if make.get("wheels"):
            links = [os.path.join(beside, "wheels")]
        if links:
            options += ["--no-index"] + ["--find-links=" + each for each in links]
        if make.get("index"):
            options += ["--index-url=" + str(make["index"])]
        uv = self._bench.which("uv")
        python = os.path.join(self._folder, "bin", "python")
        if uv:
            self._bench.do(
                "make a virtual environment", [uv, "venv", "--python", base, self._folder]
            )
            argv = [uv, "pip", "install", "--python", python]
        else:
            self._bench.do(
                "make a virtual environment",
                [base, "-m", "venv", self._folder],
                "does this Python have its venv and ensurepip modules? name another one (python:)",
            )
            argv = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
            argv += ["--log", self._bench.pip_log]
        self._bench.do("install the packages", [*argv, *options, "-r", requirements])
        with contextlib.suppress(OSError):
            os.unlink(self._bench.pip_log)

    def _build_conda(self, make: Dict[str, Any]) -> None:
        conda = self._conda_program()
        path = os.path.join(os.path.dirname(self._where.recipe), str(make["file"]))
        is_micro = os.path.basename(conda).startswith("micromamba")
        verb = [conda, "create"] if make.get("explicit") or is_micro else [conda, "env", "create"]
        yes = [] if verb[1] == "env" else ["-y"]
        argv = [*verb, *yes, "-p", self._folder, "--file", path]
        self._bench.do("create the conda environment", argv)

    def _conda_program(self) -> str:
        for name in ("micromamba", "mamba", "conda"):
            found = self._bench.which(name)
            if found:
                return found
        raise Unbuildable(
            "no micromamba, mamba or conda on the PATH here: load a module that has one (modules:), or add it to PATH in pre:"
        )

    def _prefix(self, asked: str) -> str:
        """The folder of a conda environment that exists, by its path or its name."""
        if asked.startswith(("/", "~", "$")):
            return self._expanded(asked)
        argv = [self._conda_program(), "run", "-n", asked]
        status, out = self._bench.ask(
            line([*argv, "python", "-c", "import sys; print(sys.prefix)"])
        )
        lines = [each for each in out.splitlines() if each.startswith("/")]
        if status or not lines:
            raise Unbuildable("conda environment %r does not work: %s" % (asked, last(out)))
        return lines[-1]

    # ---------------------------------------------------------------------------- checking

    def _base(self) -> str:
        """The Python that the recipe starts from."""
        asked, version = self._recipe.get("python"), self._recipe.get("version")
        if asked:
            return places.job_python(self._content, {"python": asked})
        usual = places.job_python(self._content, {})
        if not version:
            return usual
        for each in (
            usual,
            self._bench.which("python" + str(version)),
            self._bench.which("python3"),
        ):
            if each and self._version(each).startswith(str(version) + "."):
                return each
        raise Unbuildable(
            "there is no Python %s here (%s is %s): name one (python:), or a module that has it"
            % (version, usual, self._version(usual) or "not to be started")
        )

    def _version(self, python: str) -> str:
        out = self._bench.ask(line([python, "-c", entering.CHECK]))[1]
        return out.partition("xpm-version ")[2].partition("\n")[0]

    def _checked(self, found: Dict[str, Any]) -> Dict[str, Any]:
        """The same, with the version of its Python, when jobs can start with it."""
        wanted = [list(each) for each in self._recipe.get("imports") or ()]
        names = [str(each[0]) for each in wanted]
        probe = line([str(found["python"]), "-c", entering.CHECK, *names])
        status, out = self._bench.ask("\n".join([*found["activate"], probe]))
        version = out.partition("xpm-version ")[2].partition("\n")[0]
        if status or not version:
            raise Unbuildable("its Python %s does not start: %s" % (found["python"], last(out)))
        if tuple(int(each) for each in version.split(".")[:2]) < OLDEST:
            raise Unbuildable(
                "its Python %s is %s, and jobs need 3.9 or newer: name another one (python:)"
                % (found["python"], version)
            )
        lacking = {each[10:] for each in out.splitlines() if each.startswith("xpm-lacks ")}
        if lacking:
            told = ", ".join("%s (%s)" % (n, where) for n, where in wanted if n in lacking)
            raise Unbuildable(
                "%s cannot import %s: install it there, or give its launcher an environment that has it (envs:)"
                % (found["python"], told)
            )
        self._bench.say("%s is Python %s" % (found["python"], version))
        return dict(found, version=version, modules=list(self._recipe.get("modules") or ()))

    def _of_image(self, use: Dict[str, Any]) -> Dict[str, Any]:
        program = self._bench.which("apptainer") or self._bench.which("singularity")
        if not program:
            raise Unbuildable(
                "no apptainer or singularity on the PATH here: load a module that has it (modules:)"
            )
        image = self._expanded(str(use["image"]))
        if "://" not in image and not os.path.exists(image):
            raise Unbuildable("there is no image %s" % image)
        options = entering.image_options(use, self._layout.root, self._expanded)
        python = str(self._recipe.get("python") or "python3")
        status, out = self._bench.ask(
            line([program, "exec", *options, image, python, "-c", entering.CHECK])
        )
        version = out.partition("xpm-version ")[2].partition("\n")[0]
        if status or not version:
            raise Unbuildable("%s does not start in %s: %s" % (python, image, last(out)))
        if tuple(int(each) for each in version.split(".")[:2]) < OLDEST:
            raise Unbuildable("%s in %s is %s, jobs need 3.9 or newer" % (python, image, version))
        return {
            "python": python,
            "version": version,
            "activate": [],
            "modules": list(self._recipe.get("modules") or ()),
            "image": image,
            "program": program,
            "options": options,
            "nv_if_there": use.get("nv") == "auto",
            "kept": False,
        }

    def _expanded(self, text: str) -> str:
        return places.job_python(self._content, {"python": text})


def main(workspace: str, environment: str) -> int:
    """Make it, then let those who wait for it go on; 0 when it is ready."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    layout = Layout(os.path.abspath(workspace))
    content = places.read(layout)
    if content is None or os.path.basename(environment) != environment:
        sys.stderr.write("%s: nobody has opened this workspace\n" % workspace)
        return 1
    is_ready = Builder(layout, environment, content).run()
    if content.get("kind") == "slurm":
        from xpm.agent.advance import advance_workspace

        advance_workspace(layout.root, 10.0)
    return 0 if is_ready else 1


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
