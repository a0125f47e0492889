"""What installers print when they were not to blame: a network or a disk that failed them."""

import re
from typing import List

_NETWORK = re.compile(
    r"temporary failure in name resolution|name or service not known|could not resolve host|dns error"
    r"|network is unreachable|no route to host|connection (?:refused|reset|timed out|aborted)|operation timed out"
    r"|failed to establish a new connection|ConnectTimeoutError|ReadTimeoutError|ProxyError|RemoteDisconnected"
    r"|tcp connect error|error sending request for url|http status server error|\b50[0234] server error"
    r"|too many (?:429|50[0234]) error responses|\b429 client error"
    r"|HTTP 000 CONNECTION FAILED|\bDownload error \(\d+\)|curl: \((?:5|6|7|28|35|52|56)\)",
    re.IGNORECASE,
)
"""pip (urllib3), uv, conda, micromamba and git."""
_DISK = re.compile(
    r"no space left on device|disk quota exceeded|read-only file system|stale file handle",
    re.IGNORECASE,
)


_LINES = 5


def unfetched(log: str) -> List[str]:
    """What pip could not fetch, by its own log, which alone says so; the last lines of that."""
    try:
        with open(log, encoding="utf-8", errors="replace") as opened:
            return [each for each in map(_told, opened) if each][-_LINES:]
    except OSError:
        return []


def _told(line: str) -> str:
    at = line.find("Could not fetch URL ")
    return line[at:].rstrip()[:500] if at >= 0 else ""


def found(text: str) -> str:
    """The trouble that what they printed tells of, in words; empty when there is none."""
    disk = _DISK.search(text)
    if disk:
        return "a disk there failed (%s)" % disk.group().lower()
    network = _NETWORK.search(text)
    return "the network failed (%s)" % network.group().lower() if network else ""
