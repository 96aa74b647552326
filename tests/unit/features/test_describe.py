"""The published catalogue is the declared one."""

from pathlib import Path

from retain.features.catalogue import FEATURES, RATIOS
from retain.features.describe import catalogue_markdown

PUBLISHED = Path(__file__).parents[3] / "docs" / "features.md"


def test_the_published_catalogue_is_made_from_the_declarations() -> None:
    assert PUBLISHED.read_text("utf-8") == catalogue_markdown()


def test_every_feature_is_in_the_catalogue_once() -> None:
    text = catalogue_markdown()
    for feature in (*FEATURES, *RATIOS):
        assert text.count(f"| `{feature.name}` |") == 1
