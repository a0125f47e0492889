"""Examples that type checkers must understand, or refuse, without a plugin."""
