"""What installers print when they were not to blame: a network or a disk that failed them."""

import re

_NETWORK = re.compile(
    r"temporary failure in name resolution|name or service not known|could not resolve host|dns error"
    r"|network is unreachable|no route to host|connection (?:refused|reset|timed out|aborted)|operation timed out"
    r"|failed to establish a new connection|ConnectTimeoutError|ReadTimeoutError|ProxyError|RemoteDisconnected"
    r"|tcp connect error|error sending request for url|http status server error|\b50[0234] server error"
    r"|HTTP 000 CONNECTION FAILED|\bDownload error \(\d+\)|curl: \((?:5|6|7|28|35|52|56)\)",
    re.IGNORECASE,
)
"""pip (urllib3), uv, conda, micromamba and git."""
_DISK = re.compile(
    r"no space left on device|disk quota exceeded|read-only file system|stale file handle",
    re.IGNORECASE,
)


def found(text: str) -> str:
    """The trouble that what they printed tells of, in words; empty when there is none."""
    disk = _DISK.search(text)
    if disk:
        return "a disk there failed (%s)" % disk.group().lower()
    network = _NETWORK.search(text)
    return "the network failed (%s)" % network.group().lower() if network else ""
