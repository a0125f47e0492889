"""Configurations: typed values, checked where they are set."""

from __future__ import annotations

import sys

from xpm.plan import places
from xpm.plan.description import Description, describe
from xpm.plan.fields import MISSING, field
from xpm.plan.kinds import Mismatch
from xpm.plan.state import State, wake

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from pathlib import Path
    from typing import Any, Callable, Self, TypeVar, dataclass_transform

    from xpm.plan.jobpath import JobPath

    C = TypeVar("C")
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        """Nothing at run time."""
        return lambda cls: cls


class _Constructor:
    """``Model.C`` is ``Model``."""

    def __get__(self, instance: object, owner: type[C]) -> type[C]:
        return owner


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
class Config:
    """Typed values, to be inherited from: annotate arguments with ``Param``, ``Meta`` or ``Constant``.

    Values are given by name or assigned, and checked at once. ``Model(layers=3)`` and ``Model.C(layers=3)`` are the same.
    A class may define ``__xpmid__`` (its identifier), ``__validate__(self)`` (refuses by raising ValueError, at
    submission) and ``__post_init__(self)`` (called inside the job, when the values are set).

    Raises:
        PlanProblem: a value of another type, no such argument, a constant, or the configuration is sealed; it also
            is a TypeError or an AttributeError, as Python would raise.
    """

    if TYPE_CHECKING:
        __xpm__: Description
    C = _Constructor()

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        while frame.f_back and frame.f_globals.get("__name__", "").startswith("xpm.plan."):
            frame = frame.f_back
        describe(cls, frame)
        _take_initialiser(cls)

    def __init__(self, *args: object, **values: object) -> None:
        own = self.__dict__
        if "_xpm" in own:  # a user's own __init__ calls us inside a job
            return
        description = type(self).__xpm__
        table = description.table
        if table is None:
            table = description.ready()
        state = own["_xpm"] = State(places.caller())
        if args:
            from xpm.plan.setting import refuse_positional

            refuse_positional(self, args)
        quick = description.quick
        for name, value in values.items():
            if type(value) is quick.get(name):
                own[name] = value
                continue
            argument = table.get(name)
            try:
                if argument is not None and argument.plain:
                    own[name] = argument.kind.convert(value)
                    continue
            except (Mismatch, RecursionError):  # a mark, or a refusal to be put in words
                pass
            _set(self, state, name, value)
        if description.eager:
            _fill(own, state, description)

    if not TYPE_CHECKING:  # so that checkers see a typo, and what is generic

        def __class_getitem__(cls, said):
            from xpm.plan.generic import checked

            try:
                make = super().__class_getitem__
            except AttributeError:
                raise TypeError(
                    f"{cls.__name__} is not generic: it inherits from no Generic[T]"
                ) from None
            return checked(make(said))

        def __setattr__(self, name, value):
            state = self.__dict__.get("_xpm")
            if (
                state is None
                or state.live
                or (
                    name not in type(self).__xpm__.ready()
                    and (name.startswith("_") or hasattr(type(self), name))
                )
            ):
                super().__setattr__(name, value)
            else:
                _set(self, state, name, value)
                from xpm.plan.setting import note_place

                note_place(state, name)

        def __delattr__(self, name):
            state = self.__dict__.get("_xpm")
            if state is not None and not state.live and name in type(self).__xpm__.ready():
                from xpm.plan.setting import refuse_sealed

                refuse_sealed(self, state, name)
            super().__delattr__(name)

        def __getattr__(self, name):
            if not name.startswith("__"):
                state = self.__dict__.get("_xpm")
                if state is not None and state.later is not None:
                    state.later(self)
                    return getattr(self, name)
                argument = type(self).__xpm__.ready().get(name)
                if argument is not None and argument.default is not MISSING:
                    return argument.default
            parent = getattr(super(), "__getattr__", None)
            if parent is not None:
                return parent(name)
            from xpm.plan.setting import refuse_reading

            raise refuse_reading(self, name)

    def __repr__(self) -> str:
        wake(self)
        names = type(self).__xpm__.ready()
        given = (f"{name}={self.__dict__[name]!r}" for name in names if name in self.__dict__)
        return f"{type(self).__name__}({', '.join(given)})"

    def _repr_html_(self) -> str:
        from xpm.plan.html import config_html

        return config_html(self)

    def __copy__(self) -> Self:
        from xpm.plan.copying import copyconfig

        return copyconfig(self)

    def __deepcopy__(self, memo: object) -> Self:
        from xpm.plan.copying import copyconfig

        return copyconfig(self)

    def tag(self, name: str, value: Any) -> Self:
        """Give a tag to this configuration and to what uses it; the configuration itself.

        Args:
            name: any text.
            value: a str, int, float or bool.

        Raises:
            PlanProblem: another value, or the configuration is sealed.
        """
        from xpm.plan.tags import add

        add(self, name, value)
        return self

    def tags(self) -> dict[str, Any]:
        """The tags of this configuration and of what it uses, by name; the same as ``xpm.tags``."""
        from xpm.plan.tags import tags

        return tags(self)

    @property
    def jobpath(self) -> JobPath:
        """The folder of the job this is, or comes from; absolute, and there from submission on.

        Raises:
            PlanProblem: there is no job yet.
        """
        from xpm.plan.following import jobpath

        return jobpath(self)

    @property
    def state(self) -> str:
        """The last known state of the job this is, or comes from.

        One of ``waiting ready submitted pending running done failed cancelled unknown lost skipped``.

        Raises:
            PlanProblem: there is no job yet.
        """
        from xpm.plan.following import handle

        return handle(self).state

    def stdout(self) -> Path:
        """The file of what the job printed; there once it has run.

        Raises:
            PlanProblem: there is no job yet.
        """
        from xpm.plan.following import handle

        return handle(self).stdout()

    def stderr(self) -> Path:
        """The file of the errors the job printed; there once it has run.

        Raises:
            PlanProblem: there is no job yet.
        """
        from xpm.plan.following import handle

        return handle(self).stderr()

    def wait(self) -> None:
        """Wait until the job is done and its files are here; callbacks run meanwhile.

        Raises:
            JobsFailed: it is over, but not done.
            PlanProblem: there is no job yet.
        """
        from xpm.plan.following import handle

        handle(self).wait()

    def instance(self, folder: str | os.PathLike[str] | None = None) -> Self:
        """An object with the same values that runs as it would inside a job: ``task.instance().execute()``.

        For notebooks and debuggers; nothing is submitted or recorded, and the working directory stays what it is.

        Args:
            folder: where generated paths are, and what ``jobpath`` is; by default the folder of the task's job, and
                without one the current folder.

        Raises:
            PlanProblem: values are missing, or ``__validate__`` refuses them.
        """
        from xpm.plan.instances import instance

        return instance(self, folder)

    def on_completed(self, callback: Callable[[Self], object]) -> Self:
        """Have a function called, here, with this object when the job is done; the object itself.

        It is called while the plan waits, once per job and run of the script, after the job's files have arrived;
        also when the job was done by an earlier run. What it submits belongs to the experiment. What it raises is
        shown, and fails the experiment at its end.

        Raises:
            PlanProblem: the object comes from no submitted task.
        """
        from xpm.plan.following import on_completed

        on_completed(self, callback)
        return self

    def on_failed(self, callback: Callable[[Self], object]) -> Self:
        """Have a function called likewise when the job is over and not done; the object itself.

        ``state`` says how it ended: failed, cancelled, lost, or skipped because a task it depends on is not done.
        """
        from xpm.plan.following import on_failed

        on_failed(self, callback)
        return self


def _fill(own: dict[str, object], state: State, description: Description) -> None:
    """Give a configuration its own copies of the defaults that can be changed in place."""
    unset = [each for each in description.eager if each.name not in own]
    for argument in unset:
        own[argument.name] = argument.fresh()
    if len(unset) == len(description.eager):
        state.unset = description.eager_names  # one tuple for all
    elif unset:
        state.unset = tuple(each.name for each in unset)


def _set(config: Config, state: State, name: str, value: object) -> None:
    from xpm.plan.setting import assign

    assign(config, state, name, value)


def _take_initialiser(cls: Any) -> None:
    """Keep a user's ``__init__`` for instances inside jobs."""
    initialiser: Callable[..., None] | None = cls.__dict__.get("__init__")
    if initialiser is None:
        if cls.__init__ is not Config.__init__:
            cls.__init__ = Config.__init__
        return
    code = getattr(initialiser, "__code__", None)
    defaults = getattr(initialiser, "__defaults__", None) or ()
    if code is not None and code.co_argcount - len(defaults) > 1:
        from xpm.plan.problems import Definition

        raise Definition(
            f"{cls.__name__}.__init__ cannot take arguments",
            cause="values are given by name and set before it is called, inside the job",
            hint="declare them as arguments (name: Param[type]), and use __post_init__(self)",
            where=places.show(cls.__dict__["__xpm__"].place),
        )
    del cls.__init__
    cls.__init__ = Config.__init__
    cls.__xpm_init__ = initialiser


describe(Config, None)
