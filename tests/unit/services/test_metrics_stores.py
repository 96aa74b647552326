"""Which store a failure is told of: the one that did not answer."""

import pytest

from retain.database import connect, reading
from retain.errors import StoreUnavailable
from retain.waits import SERVING
from services.metrics.stores import timed


class Told:
    def __init__(self) -> None:
        self.stores: list[tuple[str, str, bool]] = []

    def store(self, store: str, operation: str, _seconds: float, failed: bool) -> None:
        self.stores.append((store, operation, failed))


def test_what_an_operation_rests_on_is_blamed_for_not_answering(tmp_path) -> None:
    engine, told = connect(f"sqlite:///{tmp_path / 'retain.db'}", SERVING), Told()

    def read() -> int:
        with reading(engine) as connection:
            return connection.exec_driver_sql("SELECT 1").scalar()

    def away() -> None:
        raise StoreUnavailable("away")

    assert timed(read, told, "online", "read")() == 1
    engine.dispose()
    (tmp_path / "retain.db").write_bytes(b"no database" * 100)
    for _ in range(2):  # as it fails, and while it is left alone
        with pytest.raises(StoreUnavailable):
            timed(read, told, "online", "read")()
    (tmp_path / "retain.db").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="deleted"):
        timed(read, told, "online", "read")()
    with pytest.raises(StoreUnavailable):
        timed(away, told, "online", "read")()
    assert told.stores == [
        ("online", "read", False),
        ("database", "read", True),
        ("database", "read", True),
        ("database", "read", True),
        ("online", "read", True),
    ]
