"""The one layer around every request: identity, deadline, admission, errors, metrics."""
