from tests.command_line import home, retain

__all__ = ["home", "retain"]
