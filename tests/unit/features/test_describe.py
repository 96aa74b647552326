"""The published catalogue is the declared one."""

import re
from pathlib import Path

import pytest

from retain.features.catalogue import FEATURES, RATIOS
from retain.features.describe import catalogue_markdown
from training.feature_uses import feature_uses

PROJECT = Path(__file__).parents[3]
USES = feature_uses(PROJECT / "config")


def test_the_published_catalogue_is_made_from_the_declarations() -> None:
    published = (PROJECT / "docs" / "features.md").read_text("utf-8")
    assert published == catalogue_markdown(USES), "run scripts/publish"


def test_every_feature_is_in_the_catalogue_once() -> None:
    text = catalogue_markdown(USES)
    for feature in (*FEATURES, *RATIOS):
        assert text.count(f"\n| `{feature.name}` |") == 1


def test_every_row_says_as_much_as_its_heading() -> None:
    for table in catalogue_markdown(USES).split("\n\n|")[1:]:
        rows = [line for line in table.split("\n") if line.strip().endswith("|")]
        assert len({len(re.findall(r"\|", row.strip().strip("|"))) for row in rows}) == 1


@pytest.mark.parametrize(
    ("feature", "user"),
    [
        ("order_recency_days", "RFM"),
        ("order_recency_days", "`lost`"),
        ("tenure_days", "models"),
        ("contacts_since_days", "early-warning signals"),
        ("net_spend_365d", "`vip`"),
        ("open_cart", "`cart_left`"),
        ("withdrawn_purposes", "status of a score"),
        ("usual_order_hour", "send time"),
        ("cycle_position", "`lapsing`"),
        ("order_currency", "currency of every amount"),
    ],
)
def test_a_feature_says_who_reads_it(feature: str, user: str) -> None:
    assert user in USES[feature]
