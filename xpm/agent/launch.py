"""The programs of a travel folder: ``python <travel folder> serve|run|supervise|advance|keep ...``.

Each verb imports what it needs and no more: ``run`` starts with every job.
"""

import os
import sys

TYPE_CHECKING = False  # importing typing would cost each job milliseconds
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional

    from xpm.runner.order import Order

USAGE = """usage: python <travel folder> VERB ...
  serve WORKSPACE                       speak frames over stdin and stdout
  run WORKSPACE SUBMISSION [INDEX]      run one element of a submission
  supervise WORKSPACE                   start and watch the jobs of a plain host
  advance WORKSPACE [SECONDS]           let what is ready go on
  keep WORKSPACE NUMBER                 be a keeper: advance when nobody else is left to
  build WORKSPACE ENVIRONMENT           make an environment that jobs wait for
  contain WORKSPACE SUBMISSION [INDEX]  run one element of a submission in a container
"""
AFTER_S = 10.0
"""How long a finished job may keep its allocation to let others go on."""


def main(argv: "List[str]") -> int:
    """Run a verb; the exit code."""
    verbs: "Dict[str, Callable[..., int]]" = {
        "run": _run,
        "serve": _serve,
        "supervise": _supervise,
        "advance": _advance,
        "keep": _keep,
        "build": _build,
        "contain": _contain,
    }
    if len(argv) < 2 or argv[0] not in verbs:
        sys.stderr.write(USAGE)
        return 2
    return verbs[argv[0]](*argv[1:])


def _run(workspace: str, submission: str, index: "Optional[str]" = None) -> int:
    run = _runner()

    workspace = os.path.abspath(workspace)
    _share(workspace)

    orders: "List[Order]" = []
    parent = os.getppid()

    def after(order: "Order") -> None:
        orders.append(order)
        if "XPM_CONTAINED" in os.environ:
            return  # the site's commands are outside, and so is who lets others go on
        _let_others_go_on(workspace, order)
        if not order.in_slurm and os.getppid() != parent:
            _replace_supervisor(order)

    code = run(workspace, submission, None if index is None else int(index), after)
    sys.stdout.flush()
    sys.stderr.flush()
    if code == 0 and orders and orders[0].in_slurm:
        _remove_if_empty(orders[0].log)
    os._exit(code)  # nothing of ours is left to be cleaned up, and every job pays for the cleaning


def _runner() -> "Callable[..., int]":
    """The runner, as soon as its files can be read: a disk that is away for a moment fails no job."""
    for pause in (0.5, 1.0, 4.0, 15.0, 60.0, 60.0, 60.0, 60.0):
        try:
            from xpm.runner.main import run

            return run
        except OSError as error:
            sys.stderr.write("xpm: cannot read our own programs yet: %s\n" % error)
            import time

            time.sleep(pause)
    from xpm.runner.main import run

    return run


def _share(workspace: str) -> None:
    """Let others read what this run makes, where the profile says so."""
    from xpm.wire import files
    from xpm.wire.workspace import Layout

    try:
        content = files.load(Layout(workspace).place)
    except (OSError, ValueError):
        return
    if content is not None and (content.get("options") or {}).get("share"):
        from xpm.agent import sharing

        mask = sharing.mask(content)
        if mask is not None:
            os.umask(mask)


def _remove_if_empty(log: str) -> None:
    """Files are dear: a log for each of a thousand jobs that have nothing to say is a thousand files."""
    try:
        if os.stat(log).st_size == 0 and os.path.samestat(os.stat(log), os.fstat(1)):
            os.unlink(log)
    except OSError:  # SLURM made none, or somebody has tidied up
        pass


def _let_others_go_on(workspace: str, order: "Order") -> None:
    if order.in_slurm:
        from xpm.agent.quiet import is_quiet

        if is_quiet(order.layout, order.task, order.job, order.attempt):
            return
        from xpm.agent.advance import advance_workspace

        try:
            advance_workspace(workspace, AFTER_S)
        except OSError as error:  # the job is over and recorded: whoever comes next advances
            sys.stderr.write("xpm: cannot let others go on: %s\n" % error)
        return
    try:
        os.utime(os.path.join(workspace, ".xpm", "supervisor", "wake"))
    except OSError:
        pass  # no supervisor, so nobody to wake


def _replace_supervisor(order: "Order") -> None:
    """Whoever started this run has died: the plan goes on with another supervisor."""
    from xpm.agent import place
    from xpm.agent.plain import PlainPlace

    content = place.read(order.layout)
    if content is not None:
        PlainPlace(order.layout, content).replace()


def _serve(workspace: str) -> int:
    from xpm.agent.serve import main as serve

    return serve(workspace, os.path.basename(_travel_folder()))


def _supervise(workspace: str) -> int:
    from xpm.agent.supervisor import main as supervise

    return int(supervise(os.path.abspath(workspace)) or 0)


def _advance(workspace: str, seconds: str = "10") -> int:
    from xpm.agent.advance import advance_workspace

    advance_workspace(os.path.abspath(workspace), float(seconds))
    return 0


def _keep(workspace: str, number: str) -> int:
    from xpm.agent.keeping import main as keep

    return keep(os.path.abspath(workspace), int(number))


def _build(workspace: str, environment: str) -> int:
    from xpm.agent.building import main as build

    return build(workspace, environment)


def _contain(workspace: str, submission: str, index: "Optional[str]" = None) -> int:
    from xpm.agent.contain import main as contain
    from xpm.runner.order import read_order

    code = contain(workspace, submission, index)
    number = None if index is None else int(index)
    _let_others_go_on(
        os.path.abspath(workspace), read_order(workspace, submission, number, os.environ)
    )
    return code


def _travel_folder() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
