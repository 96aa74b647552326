"""How a worker ends that cannot start: for good, or to be tried again."""

import subprocess
import sys

import pytest

from services.supervisor import REFUSED, STORE_AWAY


@pytest.mark.parametrize(
    ("error", "code"),
    [("StoreUnavailable", STORE_AWAY), ("StoreDamaged", REFUSED), ("NoModel", REFUSED)],
)
def test_only_where_a_store_may_come_back_is_the_start_tried_again(error, code) -> None:
    program = (
        "from retain import errors; from services import supervisor; "
        f"supervisor.refuse(errors.{error}('why', remedy='what to do'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == code
    assert run.stderr == "retain: why\n  remedy: what to do\n"
