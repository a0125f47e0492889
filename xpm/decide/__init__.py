"""The decider: what becomes ready, is retried or must wait. Pure functions, no I/O."""
