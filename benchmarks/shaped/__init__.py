"""Shops of other shapes than the one at hand: their files, and what they know of themselves."""
