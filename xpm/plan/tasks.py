"""Tasks: configurations that run."""

from __future__ import annotations

from xpm.errors import PlanProblem
from xpm.plan import places
from xpm.plan.config import Config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable, ClassVar, Self

    from xpm.plan.requirements import Req


YIELDS = 0x20
GENERATORS = YIELDS | 0x80 | 0x200  # inspect's CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


def why_not_runnable(cls: type[Task]) -> list[PlanProblem]:
    """What is wrong with how a class says what its tasks do."""
    cause = ""
    if cls.execute is Task.execute:
        cause = "it has no execute(self)"
    else:
        code = getattr(cls.execute, "__code__", None)
        defaults = getattr(cls.execute, "__defaults__", None) or ()
        function = getattr(cls, "__xpm_function__", None)
        flags = getattr(function or cls.execute, "__code__", code).co_flags if code else 0
        if flags & GENERATORS:
            sort = "a generator" if flags & YIELDS else "async"
            cause = f"its code is {sort}: calling it runs nothing"
        elif code is not None and code.co_argcount - len(defaults) > 1:
            wanted = ", ".join(code.co_varnames[1 : code.co_argcount])
            cause = f"its execute() wants {wanted}, which nobody gives: arguments are in self"
    if not cause:
        return []
    return [
        PlanProblem(
            f"{cls.__name__} does not say what to do",
            cause=cause,
            hint="define execute(self), which may call asyncio.run(...)"
            if "async" in cause
            else "define execute(self)",
            where=places.show(cls.__xpm__.place),
        )
    ]


class Task(Config):
    """A configuration that runs as a job: define ``execute(self)``.

    A class may say as ``__require__`` what its tasks need of the place that runs them: ``Req(...)`` or its text.
    """

    if TYPE_CHECKING:
        __require__: ClassVar[Req | str | None]

    def execute(self) -> object:
        """What the job does; the working directory is its folder."""
        raise why_not_runnable(type(self))[0]

    def task_outputs(self, dep: Callable[[Any], Any]) -> Any:
        """What ``submit()`` hands on: the task itself, unless redefined; ``dep(x)`` makes x depend on the task."""
        return self

    def submit(
        self,
        *,
        launcher: str | None = None,
        init_tasks: Sequence[LightweightTask] = (),
        require: Req | str | None = None,
    ) -> Any:
        """Seal the task and give it to the open experiment; the task, or what ``task_outputs`` returns.

        Args:
            launcher: the name of a profile, instead of the experiment's own.
            init_tasks: run inside the job before the task, in this order; part of the identity.
            require: what it needs of the place that runs it, as ``Req(...)`` or text; over the ``__require__`` of its
                class and over ``experiment(..., require=...)``. Never part of the identity.

        Raises:
            PlanProblem: no experiment is open; a value is missing or not valid; a task in an argument is not submitted;
                no job could find the class; the task has no ``execute(self)``. Nothing is sealed or submitted then.
            ProfileProblem: there is no such launcher, or it can never give what the task asks for.
        """
        from xpm.plan.submitting import submit

        return submit(self, launcher, init_tasks, require)

    def add_dependencies(self, *dependencies: object) -> Self:
        """Make the task wait for other tasks, or hold units of tokens while it runs; the task itself.

        Never part of the identity.

        Args:
            dependencies: submitted tasks, what they hand on, ``token.dependency(n)``, lists of them.

        Raises:
            PlanProblem: something else, or the task is sealed.
        """
        from xpm.plan.submitting import add_dependencies

        add_dependencies(self, dependencies)
        return self

    def remaining_time(self) -> float | None:
        """Seconds until the job's allocation ends; None when nobody knows, or outside a job."""
        from xpm.plan import context

        running = context.job()
        return running.remaining_time() if running is not None else None


class ResumableTask(Task):
    """A task that goes on from what it finds in its folder: when its time ends, it is run again."""


class LightweightTask(Task):
    """A task that runs inside the job of another: ``submit(init_tasks=[...])``."""
