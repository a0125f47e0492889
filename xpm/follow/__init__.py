"""The laptop's side: the journal of what is known and the engine that asks for news."""
