"""A grade per head against its dumb rule, by a rule that is stated."""

from dataclasses import dataclass
from typing import Literal

from retain.manifest import Measured

Letter = Literal["A", "B", "C"]

RULE = (
    "A: better than the head's dumb rule (the paired 95 % interval of the difference lies above "
    "zero) and not significantly worse than the blend of BG/NBD, logistic regression and LightGBM "
    "on RFM. B: better than the dumb rule, but significantly worse than the blend, or there is no "
    "blend to compare with. C: not better than the dumb rule; such a head is promoted only by "
    "force and with a reason."
)


@dataclass(frozen=True, slots=True)
class Grade:
    """A letter and the sentence that gives it."""

    letter: Letter
    reason: str


def grade(*, beats_rule: bool, rule: str, against_blend: Measured | None) -> Grade:
    """The grade of a head; ``against_blend`` is the paired difference, positive where better."""
    if not beats_rule:
        return Grade("C", f"not better than its dumb rule ({rule})")
    if against_blend is None:
        return Grade("B", f"better than its dumb rule ({rule}); there is no blend beside it")
    if against_blend.high < 0:
        return Grade("B", f"better than its dumb rule ({rule}), worse than the blend")
    if against_blend.low > 0:
        return Grade("A", f"better than its dumb rule ({rule}) and than the blend")
    return Grade("A", f"better than its dumb rule ({rule}), not told apart from the blend")
