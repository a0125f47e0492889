"""The web page of a main folder: what its jobs do, pushed as it happens."""
