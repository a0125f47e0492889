"""Answers as JSON that every browser reads, whatever jobs are named and tagged."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from starlette.responses import JSONResponse


def text(content: object) -> str:
    """JSON: numbers that it does not have as words, halves of characters escaped."""
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(content), allow_nan=False, separators=(",", ":"))


class Told(JSONResponse):
    """An answer."""

    def render(self, content: object) -> bytes:
        """As it is sent."""
        return text(content).encode("ascii")


def _finite(content: object) -> object:
    if isinstance(content, float):
        return content if math.isfinite(content) else str(content)
    if isinstance(content, Mapping):
        table = cast("Mapping[str, Any]", content)
        return {name: _finite(value) for name, value in table.items()}
    if isinstance(content, list | tuple):
        return [_finite(each) for each in cast("list[Any]", content)]
    return content
