import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from retain.database import connect, writing
from retain.errors import Conflict, InvalidInput
from retain.ledger import Ledger, model_ledger


@pytest.fixture
def ledger(database_url):
    return Ledger(connect(database_url))


def promote(ledger: Ledger, version: str, head: str = "churn"):
    return ledger.promote(head, version, by="ana", reason="better", evidence={"auc": 0.8})


def test_there_is_no_champion_before_the_first_promotion(ledger):
    assert ledger.champion("churn") is None


def test_the_last_promoted_version_is_champion(ledger):
    promote(ledger, "a")
    promote(ledger, "b")
    assert ledger.champion("churn") == "b"


def test_heads_have_champions_of_their_own(ledger):
    promote(ledger, "a")
    promote(ledger, "b", head="ltv")
    assert (ledger.champion("churn"), ledger.champion("ltv")) == ("a", "b")


def test_promoting_the_champion_again_adds_no_line(ledger):
    promote(ledger, "a")
    promote(ledger, "a")
    assert len(ledger.history("churn")) == 1


def test_a_rollback_is_one_more_line(ledger):
    promote(ledger, "a")
    promote(ledger, "b")
    entry = ledger.rollback("churn", by="bo", reason="complaints rose")
    assert (entry.version, entry.previous, entry.by) == ("a", "b", "bo")
    assert [line.act for line in ledger.history("churn")] == ["promote", "promote", "rollback"]


def test_rolling_back_twice_goes_back_two_promotions(ledger):
    for version in "abc":
        promote(ledger, version)
    ledger.rollback("churn", by="bo", reason="x")
    ledger.rollback("churn", by="bo", reason="x")
    assert ledger.champion("churn") == "a"


def test_the_first_champion_cannot_be_rolled_back(ledger):
    promote(ledger, "a")
    with pytest.raises(Conflict, match="no earlier champion"):
        ledger.rollback("churn", by="bo", reason="x")


def test_an_entry_needs_a_name_and_a_reason(ledger):
    with pytest.raises(InvalidInput) as caught:
        ledger.promote("churn", "a", by="ana", reason=" ", evidence={})
    assert caught.value.field == "reason"


def test_the_evidence_is_kept(ledger):
    promote(ledger, "a")
    assert ledger.history("churn")[0].evidence == {"auc": 0.8}


@pytest.mark.parametrize("statement", [delete(model_ledger), update(model_ledger).values(by="x")])
def test_a_line_can_be_neither_changed_nor_removed(database_url, statement):
    engine = connect(database_url)
    promote(Ledger(engine), "a")
    with pytest.raises(IntegrityError, match="append-only"), writing(engine) as connection:
        connection.execute(statement)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "rollback"]), max_size=12))
def test_the_champion_is_what_a_stack_of_promotions_says(acts):
    ledger, stack = Ledger(connect("sqlite:///:memory:")), []
    for act in acts:
        if act != "rollback":
            promote(ledger, act)
            stack += [] if stack[-1:] == [act] else [act]
        elif len(stack) > 1:
            ledger.rollback("churn", by="bo", reason="x")
            stack.pop()
    assert ledger.champion("churn") == (stack[-1] if stack else None)
