"""Rankers and customers of every kind, for what must hold of any ranking."""

import numpy as np
from hypothesis import strategies as st

from retain.columns import CONTEXT, READ_TIME
from retain.decisions import catalogues
from retain.decisions.context import Context, Session
from retain.manifest import Manifest, ModelFeature, TrainingWindow
from retain.settings import PROJECT_CONFIG
from tests.catalogues import NOW, action, catalogue

DEFAULT = catalogues.load(PROJECT_CONFIG / "actions.yaml")
OWN = catalogue(
    action("model", context_weights=[{"when": "context_page == 'cart'", "factor": 1.3}]),
    action("response", channel="push", contact_cost=0.1, lever=1.2),
    action("deep", treatments=[{"name": "a"}, {"name": "b", "discount": 0.2, "strength": 1.7}]),
    action("odd", value="ltv_value / orders_90d", prior=dict.fromkeys(("conversion", "uplift"),
           "churn_probability") | {"source": "test"}),
    action("live", channel="web", context_weights=[
        {"when": "context_cart_value > 50", "factor": 2}, {"when": True, "factor": 0.7}]),
    reachable_by_default=["email", "push"],
    exploration={"method": "thompson", "draws": 50},
)  # fmt: skip
CATALOGUES = {"default": DEFAULT, "own": OWN}


class Campaigns:
    """A response model that knows one action by both arms and one by the treated alone."""

    manifest = Manifest(
        head="response",
        horizon_days=30,
        features=(ModelFeature(name="orders_lifetime"), ModelFeature(name="ltv_value")),
        parameters={"outcomes": {"model": {"treated": 500, "held_out": 400}}},
        training=TrainingWindow(as_of=NOW),
    )

    action_ids = ("model", "response", "cross_sell_email")

    def response(self, matrix, action_ids):
        treated, held_out = (np.full((len(matrix), len(action_ids)), np.nan) for _ in range(2))
        for place, each in enumerate(action_ids):
            if each in {"model", "response", "cross_sell_email"}:
                treated[:, place] = 1 / (1 + np.abs(np.nan_to_num(matrix).sum(axis=1)))
            if each in {"model", "cross_sell_email"}:
                held_out[:, place] = treated[:, place] * 0.3
        return treated, held_out


numbers = st.sampled_from([np.nan, -1.0, 0.0, 0.3, 1.0, 7.0, 250.0])
READ = {name for rule in DEFAULT.rules.values() for name in rule.columns} - set(CONTEXT)
READ |= {"orders_90d", "orders_lifetime", "average_order_value", "unsubscribed"}
READ |= {"purchase_probability_7d", "purchase_probability_30d", "churn_probability"}
anybody = st.fixed_dictionaries(
    {
        "withdrawn_channels": st.sampled_from([[], ["email"], ["email", "push"]]),
        "withdrawn_purposes": st.sampled_from([[], ["marketing"], ["profiling"], ["all"]]),
        "reachable_channels": st.sampled_from([None, [], ["push"], ["email", "sms", "call"]]),
        "stage": st.sampled_from(["use", "loyalty", "lapsing", "awareness", None]),
        "segment": st.sampled_from(["champions", "at_risk", "about_to_sleep"]),
        "tags": st.sampled_from([[], ["vip"], ["unhappy", "vip"]]),
        "open_cart": st.sampled_from([[], ["p1", "p2"]]),
        "channel_history": st.sampled_from(
            [
                [],
                ["email clicked 1", "email sent 40", "push opened 9", "push sent 10"],
                ["sms clicked 1"],
            ]
        ),
        "ltv_value": numbers,
        **{name: numbers for name in sorted(READ) if READ_TIME.get(name) == "number"},
        **dict.fromkeys([n for n in sorted(READ) if n.endswith("probability")], numbers),
    }
)
moments = st.sampled_from(
    [
        None,
        Context(channel="web", device="mobile", page="cart", session=Session(cart_value=80.0)),
        Context(channel="app", page="product"),
    ]
)
