"""Whether the environments of a dry run's jobs are there: their Python, modules, virtual environment or image."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from xpm.agent import environs, modules
from xpm.cli.findings import Finding
from xpm.connectors.questions import Answer, Answers, Question, lines_of
from xpm.follow import dry
from xpm.follow.dry import Ask
from xpm.launchers.placeholders import quoted
from xpm.launchers.surveying import python_check, with_variables

Recipe = Mapping[str, object]
"""That of an environment (xpm/agent/building.py); empty where there is none."""
_MISSING = re.compile(r"error|unable to locate|unknown|not found|no such", re.IGNORECASE)
_WHERE = {
    "login": "on the machine xpm reaches",
    "job": "in a batch job of its own",
    "wheels": "from wheels that are sent",
}


def questions_for(number: int, ask: Ask, recipe: Recipe) -> list[Question]:
    """The questions about what these jobs run in."""
    found: list[Question] = []
    image = _used(recipe, "image")
    if image:
        line = f'i={quoted(image)}; echo "$i"; [ -e "$i" ]'
        found.append(Question(f"image{number}", with_variables(line)))
    else:
        python = _python_asked(ask, recipe)
        found.append(Question(f"python{number}", with_variables(python_check(python))))
    if wanted := _modules(recipe):
        lines = [*modules.heeded(_words(recipe, "pre")), modules.question(wanted)]
        found.append(Question(f"modules{number}", "\n".join(lines)))
    elif len(setup := _loading(ask)) > 1:
        found.append(Question(f"loads{number}", "\n".join(setup)))
    if recipe.get("make"):
        name = str(ask.request.get("environment"))[: environs.NAME]
        folder = f"{dry.workspace_of(ask.spec)}/{environs.FOLDER}/{name}"
        line = f"[ -d {quoted(folder)} ] && echo there"
        found.append(Question(f"built{number}", with_variables(line)))
    return found


def _python_asked(ask: Ask, recipe: Recipe) -> str | None:
    """The Python these jobs would get, or that theirs is made with, as the profile names it."""
    folder = _folder(recipe)
    if folder:
        return f"{folder}/bin/python"
    asked = ask.request.get("python") or ask.spec.python
    return str(asked) if asked else None


def _folder(recipe: Recipe) -> str:
    """That of an environment which is to be there; empty for none, and for one that only conda finds."""
    conda = _used(recipe, "conda")
    return _used(recipe, "venv") or (conda if conda.startswith(("/", "~", "$")) else "")


def _used(recipe: Recipe, kind: str) -> str:
    use = cast("Mapping[str, object]", recipe.get("use") or {})
    return str(use.get(kind) or "")


def _words(recipe: Recipe, key: str) -> list[str]:
    return [str(each) for each in cast("Sequence[object]", recipe.get(key) or ())]


def _modules(recipe: Recipe) -> list[str]:
    return _words(recipe, "modules")


def _loading(ask: Ask) -> list[str]:
    """The lines of a profile's own that load modules, with what defines ``module`` before them."""
    first = (["module"], ["ml"], ["command"])
    return [line for line in dry.setup_of(ask) if line.split()[:1] in first]


# ----------------------------------------------------------------------------- judging


def judged(number: int, ask: Ask, recipe: Recipe, answers: Answers) -> Iterator[Finding]:
    """What the answers mean."""
    found = answers.found
    if f"image{number}" in found:
        yield _of_image(ask, found[f"image{number}"])
    else:
        yield _of_python(ask, recipe, found.get(f"python{number}"))
    if wanted := _modules(recipe):
        yield _of_modules(ask, wanted, found.get(f"modules{number}"))
    elif f"loads{number}" in found:
        yield _of_loading(ask, found[f"loads{number}"])
    if recipe.get("make"):
        make = cast("Mapping[str, object]", recipe["make"])
        yield _of_built(ask, make, found.get(f"built{number}"))


def _of_python(ask: Ask, recipe: Recipe, answer: Answer | None) -> Finding:
    lines = lines_of(answer)
    if answer is not None and answer.status == 0 and len(lines) >= 2:
        version = ".".join(lines[-1].split())
        told = f"launcher {ask.launcher}: {lines[-2]} is {version} on the login node"
        return Finding("python", "ok", told)
    said = lines[-1] if lines else "no answer"
    do = "name one of 3.9 or newer as `python:` (it may exist on the compute nodes only)"
    if _folder(recipe):
        do = "make that environment there, or name another one in the profile"
    return Finding("python", "bad", f"launcher {ask.launcher}: {said}", do)


def _of_image(ask: Ask, answer: Answer) -> Finding:
    image = lines_of(answer)[-1] if lines_of(answer) else "the image"
    if answer.status == 0:
        return Finding("image", "ok", f"launcher {ask.launcher}: {image} is there")
    do = "copy it there, or mend `image:` in the profile"
    return Finding("image", "bad", f"launcher {ask.launcher}: {image} is not there", do)


def _of_modules(ask: Ask, wanted: Sequence[str], answer: Answer | None) -> Finding:
    if answer is None or answer.status == 124:
        return Finding("modules", "warn", f"launcher {ask.launcher}: `module` does not answer")
    words = modules.missing(wanted, answer.text)
    if words is None:
        return Finding("modules", "ok", f"launcher {ask.launcher}: {', '.join(wanted)} there")
    what, _, do = words.replace("\n", "; ").partition("; ")
    return Finding("modules", "bad", f"launcher {ask.launcher}: {what}", do)


def _of_loading(ask: Ask, answer: Answer) -> Finding:
    wrong = [line for line in answer.lines if _MISSING.search(line)]
    if answer.status or wrong:
        said = " ".join((wrong or list(lines_of(answer)) or ["no answer"])[:2])
        do = "`module avail` there lists what there is"
        return Finding("modules", "bad", f"launcher {ask.launcher}: {said}", do)
    return Finding("modules", "ok", f"launcher {ask.launcher}: all load")


def _of_built(ask: Ask, make: Mapping[str, object], answer: Answer | None) -> Finding:
    if answer is not None and "there" in answer.lines:
        told = "its environment is there"
    else:
        where = _WHERE.get(str(make.get("build")), "there")
        told = f"its environment would be built first, {where}"
    return Finding("env", "ok", f"launcher {ask.launcher}: {told}")
