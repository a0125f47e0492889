"""Which account the jobs of a cluster are charged to, when a profile for it is written: said, asked, or the site's default."""

import sys
from collections.abc import Sequence

import click

from xpm.cli import prompting, render
from xpm.errors import UsageProblem
from xpm.launchers import drafting
from xpm.launchers.surveying import Survey


def settled(survey: Survey, wish: str | None, is_asked: bool, host: str) -> Survey:
    """What a cluster told, with the account to charge as its default one.

    Args:
        survey: what it told.
        wish: what was said of it.
        is_asked: whether the person at the terminal may be asked when there are several.
        host: how ssh calls it.

    Raises:
        UsageProblem: the account that was named is none of the user's there.
    """
    known = drafting.accounts(survey.site)
    if wish is not None:
        return drafting.charging(survey, _of(known, wish, survey.is_slurm, host))
    if len(known) < 2:
        return survey
    usual = drafting.default_account(survey.site)
    if is_asked and render.is_terminal(sys.stdin) and prompting.is_foreground():
        return drafting.charging(survey, _answer(known, usual or known[0]))
    others = ", ".join(each for each in known if each != usual)
    charged = (
        f"jobs are charged to {usual}; you also have" if usual else "you have several accounts:"
    )
    render.note(f"{charged} {others} (--account NAME chooses one)")
    return survey


def _of(known: Sequence[str], wish: str, is_slurm: bool, host: str) -> str:
    if not is_slurm:
        raise UsageProblem(
            "there are no accounts to charge", on=host, cause="it is a plain host",
            hint="leave out --account",
        )  # fmt: skip
    found = next((each for each in known if each.lower() == wish.lower()), None)
    if known and found is None:
        raise UsageProblem(
            f"you have no account {wish!r} there", on=host, cause=f"yours: {', '.join(known)}",
            hint="name one of these, or leave out --account",
        )  # fmt: skip
    return found or wish


def _answer(known: Sequence[str], usual: str) -> str:
    words = f"Your accounts there: {', '.join(known)}. Which one do jobs charge by default?"
    choice = click.Choice(list(known), case_sensitive=False)
    found: str = click.prompt(words, type=choice, default=usual, show_choices=False, err=True)
    return found
