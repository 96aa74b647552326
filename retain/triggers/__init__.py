"""Triggers: situations recognised in the event log, what they set off, and how it is delivered."""
