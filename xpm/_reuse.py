"""What is refused or told when a task equals an earlier one: its identity says so, but not all of it counts there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xpm._jobs import Job
from xpm.errors import PlanProblem

if TYPE_CHECKING:
    from xpm.plan.differences import Difference
    from xpm.plan.sealing import Sealed


def changed_since(job: Job, old: dict[str, Any]) -> Iterator[str]:
    """What to tell of a job whose plan has changed since the document of old: no reuse is silent.

    The texts are the same for jobs of one line of the plan and one change, so that they can be told once.

    Raises:
        PlanProblem: a default has changed, so the job was computed with another value than the plan has now.
    """
    from xpm.plan.documents import differences

    sealed = job.sealed
    for each in differences(old, sealed.document):
        told = f"{each.argument} {_told(each)}"
        if each.kind == "default":
            raise PlanProblem(
                f"a default of {sealed.task} has changed since this job was run: {told}",
                on=str(job.folder), where=sealed.where,
                hint=f"set {each.argument} in the plan to say which one you mean,"
                " or use another main folder to run it anew",
            )  # fmt: skip
        if each.kind == "path":
            yield f"{sealed.task} ({sealed.where}) is reused although {told}"
        elif each.kind != "meta":
            yield f"{sealed.task}: jobs are reused although {told}"


def unheeded(job: Job, again: "Sealed", launcher: str) -> str:
    """What to tell of a task that equals one submitted before in this run: whatever of it is not heeded.

    Raises:
        PlanProblem: it is a task of another class, which has the same identifier.
    """
    from xpm.plan.documents import differences

    first = job.sealed
    one, other = _class_of(first), _class_of(again)
    if one != other:
        raise PlanProblem(
            f"two classes have the identifier {again.task}", on=f"{one} and {other}",
            where=again.where, hint="give one of them another __xpmid__",
        )  # fmt: skip
    told = (
        ("tags", first.tags != again.tags),
        ("launcher", job.launcher != launcher),
        ("tokens", first.tokens != again.tokens),
        ("dependencies", set(first.parents) != set(again.parents)),
    )
    names = [name for name, differs in told if differs]
    if first.document != again.document:
        found = differences(first.document, again.document)
        names += [each.argument for each in found if each.kind != "meta"]
    if not names:
        return ""
    return (
        f"{again.task} {again.job[:12]} is submitted at {first.where} and at {again.where}, as one job:"
        f" of {', '.join(names)} the first counts"
    )


def _class_of(sealed: "Sealed") -> str:
    document = sealed.document
    kind = document["types"][document["nodes"][document["root"]]["type"]]
    return f"{kind['module']}.{kind['name']}"


def _told(difference: "Difference") -> str:
    """A difference, to follow the argument's name."""
    from xpm.plan.differences import shown

    if difference.kind == "added":
        return f"is new, and {shown(difference.new)} by default"
    if difference.kind == "gone":
        return f"was {shown(difference.old)} by default, and is no argument any more"
    return f"was {shown(difference.old)}, and is {shown(difference.new)} now"
