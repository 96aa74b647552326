"""What tests over a real database begin with."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from retain.database import connect
from retain.decisions.store import Decisions


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty operational store; the test runs once on each kind."""
    made = connect(database_url)
    yield made
    made.dispose()


@pytest.fixture
def decisions(engine: Engine) -> Iterator[Decisions]:
    """The decisions of that store."""
    made = Decisions(engine)
    yield made
    made.close()
