"""``xpm``, and on standard error how often it asked a far side for something: counted.py ARGUMENTS."""

import sys
from typing import Any

from xpm.cli.main import main
from xpm.connectors.client import AgentClient

_call = AgentClient.call
_count = 0


def _counted(client: AgentClient, *arguments: Any, **more: Any) -> Any:
    global _count
    _count += 1
    return _call(client, *arguments, **more)


AgentClient.call = _counted  # type: ignore[method-assign]
try:
    sys.exit(main())
finally:
    print(f"exchanges: {_count}", file=sys.stderr)
