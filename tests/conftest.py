"""What holds for every test."""

import os

from hypothesis import HealthCheck, settings

# a server and a database are fixtures of every tier
from tests.postgres_server import (  # noqa: F401
    database_url,
    postgres_server,
    postgres_url,
)

# no test judges by the clock: the machines are shared
settings.register_profile("retain", deadline=None)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=1_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "retain"))
