"""The texts of one customer's packed rows, cut out by the fastest there is."""

from collections.abc import Callable
from functools import partial
from typing import Any

from feature_repo.packed_codec import ITEM_END, NULL_ITEM
from feature_repo.packed_one import OnePlan, PackedOne
from feature_repo.packed_rows import damaged
from retain import native
from retain.one.features import Texts

_COMPILED = native.compiled("texts")
TextsOf = Callable[[tuple[Any, ...]], Texts]
"""The texts in the rows of one customer, which are as planned, one per view."""


def texts_of(plan: OnePlan) -> TextsOf:
    """As :class:`~feature_repo.packed_one.PackedOne` of these rows, in C where it was compiled."""
    made = None if _COMPILED is None else compiled(plan, _COMPILED)
    return partial(PackedOne, plan) if made is None else made


def compiled(plan: OnePlan, module: Any) -> TextsOf | None:
    """The same in C; None where the plan is more than it takes."""
    views = tuple((one.width, one.ends, one.lengths.size // 4) for one in plan.places)
    texts = {name: (one.view, one.number, one.null, one.bit) for name, one in plan.texts.items()}
    made = native.made(module.Plan, views, texts, ITEM_END, NULL_ITEM, damaged)
    return None if made is None else made.of
