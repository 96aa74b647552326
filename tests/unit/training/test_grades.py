import pytest

from retain.manifest import Measured
from training.grades import grade


def between(low, high):
    return Measured(value=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("beats", "blend", "letter"),
    [
        (True, between(0.01, 0.03), "A"),
        (True, between(-0.01, 0.01), "A"),
        (True, between(-0.03, -0.01), "B"),
        (True, None, "B"),
        (False, between(0.01, 0.03), "C"),
    ],
)
def test_a_grade_follows_its_stated_rule(beats, blend, letter):
    found = grade(beats_rule=beats, rule="recency", against_blend=blend)
    assert found.letter == letter
    assert "recency" in found.reason
