"""Experiments: declared in YAML, assigned by a salted hash, written into every receipt."""
