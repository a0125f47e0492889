"""Connectors: the places that take sealed jobs, and the hosts beneath them."""

if __name__ != "xpm.connectors":
    raise ImportError(f"this folder is the package xpm.connectors, not {__name__!r}; import that")
