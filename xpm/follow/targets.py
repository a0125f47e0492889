"""What a word of a command line names: jobs by a filter, or by a name."""

_OPERATORS = "=<>"


def is_filter(text: str) -> bool:
    """Whether a target is a filter (xpm/follow/filters.py), not a name or the beginning of an id."""
    return any(each in text for each in _OPERATORS)
