"""The environments of a profile: what is built for jobs, or entered by them, and what of it contradicts itself."""

from collections.abc import Mapping

from xpm.launchers import placeholders
from xpm.launchers.model import Made
from xpm.launchers.report import Report
from xpm.launchers.schema import Values

KINDS = ("venv", "uv", "conda", "apptainer")
EXAMPLES = {
    "uv": "uv: {lock: uv.lock}",
    "conda": "conda: {name: myenv}",
    "apptainer": "apptainer: {image: /path/image.sif}",
}


def read_made(values: Values, words: Mapping[str, str]) -> Made | None:
    """What these values say is built or entered; ``words`` are the placeholders known now."""
    for kind in KINDS:
        if kind not in values.values:
            continue
        said = values.values[kind]
        mark = values.where(kind)
        if isinstance(said, str):
            key = "path" if kind == "venv" else "name"
            return Made(kind, {key: placeholders.expand(said, words)}, mark=mark)
        if isinstance(said, Values):
            return Made(kind, _texts(said, words), _lists(said, words), _truths(said), mark)
    return None


def check_made(values: Values, path: str, report: Report) -> None:
    """Report what cannot be."""
    named = [kind for kind in KINDS if kind in values.marks]
    if len(named) > 1:
        words = f"an environment is one of {', '.join(KINDS)}; this one says {' and '.join(named)}"
        report.problem(values.where(named[1]), f"{path}.{named[1]}", words)
    if "python" in values.marks and {"venv", "conda"} & set(named):
        words = f"has no effect: the Python is the one of {named[0]}"
        report.note(values.where("python"), f"{path}.python", words)
    for kind in named:
        said = values.get(kind, Values)
        if said is not None:
            _check(kind, said, f"{path}.{kind}", report)


def check_network(values: Values, envs: Mapping[str, Values], report: Report) -> None:
    """Note what a job would build out of a network that jobs do not reach."""
    cut = {
        name
        for name, place in values.tables("connectors")
        if place.values.get("internet_on_nodes") is False
    }
    for section in ("connectors", "launchers"):
        for name, user in values.tables(section):
            one = user.get("connector", str)
            places = {name} if section == "connectors" else {one, *user.texts("connectors")}
            env = envs.get(user.get("env", str) or "")
            if env is not None and places & cut and _needs_network(env):
                words = (
                    f"a job builds {user.values['env']!r}, and jobs of {min(map(str, places & cut))} reach no network"
                    " (internet_on_nodes: false): build: login, or build: wheels"
                )
                report.note(user.where("env"), f"{section}.{name}.env", words)


def _needs_network(env: Values) -> bool:
    for kind in ("uv", "conda"):
        made = env.get(kind, Values)
        if made is not None and made.get("build", str) == "job":
            return not made.texts("find_links")
    return False


def _check(kind: str, said: Values, path: str, report: Report) -> None:
    needed = {"conda": ("name", "file", "explicit"), "apptainer": ("image",)}.get(kind, ())
    if needed and not any(key in said.marks for key in needed):
        words = f"say {' or '.join(needed)}, as in {EXAMPLES[kind]}"
        report.problem(said.mark, path, words)
    if kind == "uv" and {"lock", "requirements"} <= set(said.marks):
        report.problem(said.where("lock"), path, "say lock or requirements, not both")
    if kind == "conda" and {"file", "explicit"} <= set(said.marks):
        report.problem(said.where("file"), path, "say file or explicit, not both")
    if kind == "conda" and "name" in said.marks and {"file", "explicit"} & set(said.marks):
        words = "has no effect: what is built from a file is named by its content"
        report.note(said.where("name"), f"{path}.name", words)
    is_wheels = said.get("build", str) == "wheels"
    if is_wheels and not said.get("python", str):
        words = "to choose wheels here, the Python there must be known: add python: '3.12'"
        report.problem(said.where("build"), f"{path}.build", words)
    if not is_wheels and "platform" in said.marks:
        report.note(
            said.where("platform"), f"{path}.platform", "has no effect without build: wheels"
        )
    if said.get("build", str) != "job" and "extra" in said.marks:
        report.note(said.where("extra"), f"{path}.extra", "has no effect without build: job")


def _texts(said: Values, words: Mapping[str, str]) -> dict[str, str]:
    return {
        key: placeholders.expand(value, words)
        for key, value in said.values.items()
        if isinstance(value, str)
    }


def _lists(said: Values, words: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {
        key: tuple(placeholders.expand(text, words) for text in said.texts(key))
        for key, value in said.values.items()
        if isinstance(value, tuple)
    }


def _truths(said: Values) -> dict[str, bool]:
    return {key: value for key, value in said.values.items() if isinstance(value, bool)}
