"""What holds for every test."""

from hypothesis import settings

# no test judges by the clock: the machines are shared
settings.register_profile("retain", deadline=None)
settings.load_profile("retain")
