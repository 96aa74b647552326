"""One customer in plain numbers: the same answers as for many, to the last bit, and sooner.

For a single row an operation on arrays costs as much as a dozen on floats. Everything here has
its counterpart for n customers, named in its docstring; tests hold both to the same bits.
"""
