"""triggers.yaml: what is wrong in it is said with what to do about it."""

from datetime import timedelta

import pytest
import yaml
from pydantic import ValidationError

from retain.errors import InvalidInput
from retain.settings import PROJECT_CONFIG, secret
from retain.triggers.declaration import TriggerConfig, load
from retain.triggers.durations import parse
from tests.triggered import CART, NAMES, declared

HOOK = {"url": "https://crm.example.com/x", "secret": "RETAIN_HOOK"}


def told(**parts) -> str:
    """The message about one trigger, or a whole file."""
    given = parts if "triggers" in parts or "endpoints" in parts else {"triggers": [parts]}
    triggers = [{"id": "t", "names": NAMES, **one} for one in given.get("triggers", ())]
    with pytest.raises(ValidationError) as raised:
        TriggerConfig.model_validate({**given, "triggers": triggers})
    return raised.value.errors()[0]["msg"]


def test_the_shipped_file_declares_every_named_situation_and_enables_none() -> None:
    triggers = load(PROJECT_CONFIG)
    assert {one.id for one in triggers.config.triggers} == {
        "cart_abandoned",
        "payment_failed",
        "browsing_without_buying",
        "back_after_absence",
        "satisfaction_drop",
        "churn_risk_rises",
        "expected_order_near",
        "term_ending",
    }
    assert not triggers


def test_every_shipped_trigger_can_be_enabled(tmp_path) -> None:
    content = yaml.safe_load((PROJECT_CONFIG / "triggers.yaml").read_text("utf-8"))
    for one in content["triggers"]:
        one["enabled"] = True
    (tmp_path / "triggers.yaml").write_text(yaml.safe_dump(content, allow_unicode=True))
    assert len(load(tmp_path).situations) == 8


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({}, "exactly one of events, becomes and before"),
        ({"events": ["logged_in"], "becomes": "orders_30d > 1"}, "exactly one of"),
        ({"events": ["product_add"]}, "docs/events.schema.json lists them"),
        ({"events": ["logged_in"], "goal": ["bought"]}, "neither an event type nor a family"),
        ({"events": ["logged_in"], "times": 3}, "within which time"),
        ({"becomes": "orders_30d > 1", "within": "1d"}, "go with events"),
        ({"before": "term_end", "goal": ["logged_in"]}, "before and lead go together"),
        ({"before": "term_end", "lead": "3d"}, "needs a goal"),
        ({"events": ["logged_in"], "rearms": "orders_30d > 1"}, "rearms goes with becomes"),
        ({"events": ["logged_in"], "after": "half an hour"}, "write it like 30s, 5m"),
        ({"events": ["logged_in"], "deliver_to": "crm"}, "declare it under endpoints"),
        ({"triggers": [CART, CART]}, "two triggers have the id cart"),
        ({"endpoints": {"pull": HOOK}}, "cannot be called pull"),
        ({"endpoints": {"crm": {**HOOK, "url": "http://crm.example.com"}}}, "not encrypted"),
        ({"endpoints": {"crm": {**HOOK, "url": "ftp://crm.example.com"}}}, "no web address"),
        ({"endpoints": {"crm": {**HOOK, "url": "https://u:p@x.org"}}}, "leave it out"),
        ({"endpoints": {"crm": {**HOOK, "secret": "PATH"}}}, "begins with RETAIN_"),
        ({"endpoints": {"crm": {**HOOK, "timeout": "5m"}}}, "at most 1m"),
    ],
)
def test_a_mistake_is_refused_with_what_to_do(parts, says) -> None:
    assert says in told(**parts)


def test_http_is_for_this_machine_or_by_word() -> None:
    local = {**HOOK, "url": "http://127.0.0.1:8000/x"}
    inside = {**HOOK, "url": "http://crm.internal/x", "allow_http": True}
    TriggerConfig.model_validate({"endpoints": {"a": local, "b": inside}})


def test_a_rule_over_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"cart\.when") as raised:
        declared({**CART, "when": "open_carts > 1"})
    assert "did you mean" in raised.value.remedy
    with pytest.raises(InvalidInput, match=r"cart\.where"):
        declared({**CART, "where": "churn_probability > 0.5"})


def test_a_family_stands_for_its_events() -> None:
    [one] = declared({**CART, "events": ["browsing"]}).situations.values()
    assert {"page_viewed", "product_viewed", "searched"} <= one.starts
    assert "product_added" not in one.starts


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5_400), ("60d", 5_184_000), ("0.5s", 0.5), (0, 0)],
)
def test_a_span_of_time_is_read(text, seconds) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5w", "-5m", "m5", True, None, "1" * 400 + "d", "5000d"])
def test_what_is_no_span_of_time_is_refused(text) -> None:
    with pytest.raises(ValueError, match="span"):
        parse(text)


def test_a_secret_is_read_from_the_environment_by_its_name() -> None:
    assert secret("RETAIN_HOOK", {"RETAIN_HOOK": "s"}) == "s"
    assert secret("RETAIN_HOOK", {}) == ""
