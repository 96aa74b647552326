"""A small action catalogue and customers for it, written by hand."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from retain.columns import ACTION_RULES
from retain.decisions.actions import ActionConfig
from retain.decisions.catalogues import Catalogue, compile_catalogue

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def action(action_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": action_id,
        "names": {"en": action_id, "ko": action_id},
        "channel": "email",
        "purpose": "cross_sell",
        "tone": "trust",
        "content_type": "text",
        "value": 100,
        "margin": 0.5,
        "prior": {"conversion": 0.1, "uplift": 0.1, "source": "test"},
        "valid_hours": 24,
        "send": "at_once",
        **fields,
    }


NOTHING = action(
    "none",
    channel="none",
    purpose="none",
    value=0,
    prior={"conversion": 0, "uplift": 0, "source": "test"},
)


def catalogue(*actions: dict[str, Any], **fields: Any) -> Catalogue:
    config = {
        "quiet_hours": {"start": 21, "end": 8},
        "contact_cap": {"limit": 3, "days": 7},
        "basket": "first(average_order_value, 30)",
        "rules": {},
        "actions": [NOTHING, *actions],
        **fields,
    }
    return compile_catalogue(ActionConfig.model_validate(config), file="test.yaml")


def customers(*rows: dict[str, Any]) -> dict[str, np.ndarray]:
    """Columns of n customers; only what a row names is known."""
    table = {}
    for name in {name for row in rows for name in row}:
        kind = ACTION_RULES[name]
        column = np.empty(len(rows), dtype=float if kind == "number" else object)
        nothing = {"number": np.nan, "text": None, "list": []}[kind]
        column[:] = [row.get(name, nothing) for row in rows]
        table[name] = column
    return table
