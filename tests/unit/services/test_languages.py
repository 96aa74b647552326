"""The language of an answer: what the header likes best of what Retain speaks."""

import pytest

from services.languages import preferred


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, None),
        ("", None),
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"),
        ("en-GB, ko;q=0.5", "en"),
        ("de, ko;q=0.4, en;q=0.3", "ko"),
        ("de-DE", None),
        ("*", None),
        ("ko;q=0", None),
        ("ko;q=never, en;q=0.1", "en"),
        ("EN", "en"),
        (",;;=,", None),
    ],
)
def test_the_best_liked_language_that_is_spoken_wins(accepted, language) -> None:
    assert preferred(accepted) == language
