"""From scores to an action: who may get what, what it is worth, what was decided and came of it."""
