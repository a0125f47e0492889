"""Launcher profiles: from a YAML file to the connector and the request of each job."""

if __name__ != "xpm.launchers":
    raise ImportError(f"this folder is the package xpm.launchers, not {__name__!r}; import that")
