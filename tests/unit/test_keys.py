from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from retain.database import connect, reading
from retain.errors import Conflict, InvalidInput, NotFound
from retain.keys import Key, Keys, Scope, api_keys, digest

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Clock:
    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(database_url, clock) -> Keys:
    return Keys(connect(database_url), clock)


def only(keys: Keys) -> Key:
    (one,) = keys.all()
    return one


def test_a_key_comes_back_as_it_was_made(keys):
    made, _ = keys.add("crm", [Scope.score, Scope.ingest], rate=200)
    assert only(keys) == made
    assert made.scopes == {"score", "ingest"}
    assert (made.name, made.rate, made.created_at) == ("crm", 200, NOW)


def test_nothing_of_the_secret_is_stored(database_url):
    engine = connect(database_url)
    _, text = Keys(engine).add("crm", [Scope.score])
    secret = text.split("_")[2]
    with reading(engine) as connection:
        row = connection.execute(select(api_keys)).one()
    assert not any(secret in str(value) for value in row)
    assert row.digest == digest(text.encode()).hex()


def test_a_key_names_its_id_and_has_a_secret_of_at_least_128_bits(keys):
    made, text = keys.add("crm", [Scope.score])
    prefix, named, secret = text.split("_")
    assert (prefix, named) == ("rk", made.id)
    assert set(secret) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert len(secret) * 5 >= 128


def test_no_two_keys_are_alike(keys):
    texts = {keys.add("crm", [Scope.score])[1] for _ in range(50)}
    assert len(texts) == len({text.split("_")[2] for text in texts}) == 50


def test_a_revoked_key_opens_nothing_whatever_the_clock_says(keys):
    made, _ = keys.add("crm", [Scope.score])
    keys.revoke(made.id)
    assert not only(keys).opens(NOW - timedelta(days=1))
    assert not only(keys).opens(NOW + timedelta(days=1))


def test_revoking_again_changes_nothing(keys, clock):
    made, _ = keys.add("crm", [Scope.score])
    first = keys.revoke(made.id)
    clock.at = NOW + timedelta(hours=1)
    assert keys.revoke(made.id) == first


def test_a_key_that_is_exchanged_stays_good_for_the_overlap(keys):
    old, _ = keys.add("crm", [Scope.score], rate=5)
    new, _ = keys.rotate(old.id, timedelta(hours=2))
    kept = {one.id: one for one in keys.all()}
    assert kept[old.id].opens(NOW + timedelta(hours=1, minutes=59))
    assert not kept[old.id].opens(NOW + timedelta(hours=2))
    assert kept[new.id].expires_at is None
    assert (new.name, new.scopes, new.rate) == (old.name, old.scopes, old.rate)


def test_exchanging_a_key_again_does_not_prolong_it(keys):
    old, _ = keys.add("crm", [Scope.score])
    keys.rotate(old.id, timedelta(hours=1))
    keys.rotate(old.id, timedelta(hours=9))
    first = next(one for one in keys.all() if one.id == old.id)
    assert first.expires_at == NOW + timedelta(hours=1)


def test_a_key_that_opens_nothing_is_not_exchanged(keys):
    made, _ = keys.add("crm", [Scope.score])
    keys.revoke(made.id)
    with pytest.raises(Conflict, match="opens nothing"):
        keys.rotate(made.id, timedelta(hours=1))


@pytest.mark.parametrize(
    "act", [lambda k: k.revoke("nobody"), lambda k: k.rotate("nobody", timedelta(0))]
)
def test_a_key_that_is_not_there_is_named(keys, act):
    with pytest.raises(NotFound, match="nobody"):
        act(keys)


@pytest.mark.parametrize(
    ("name", "scopes", "rate", "field"),
    [
        (" ", [Scope.score], None, "name"),
        ("x" * 65, [Scope.score], None, "name"),
        ("a\nb", [Scope.score], None, "name"),
        ("crm", [], None, "scope"),
        ("crm", [Scope.score], 0, "rate"),
        ("crm", [Scope.score], -1, "rate"),
        ("crm", [Scope.score], float("nan"), "rate"),
        ("crm", [Scope.score], float("inf"), "rate"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(keys, name, scopes, rate, field):
    with pytest.raises(InvalidInput) as refused:
        keys.add(name, scopes, rate)
    assert refused.value.field == field
    assert keys.all() == []


def test_an_administrator_reads_metrics_and_a_scraper_nothing_else(keys):
    admin, _ = keys.add("ops", [Scope.admin])
    scraper, _ = keys.add("prometheus", [Scope.metrics])
    assert admin.may(Scope.metrics)
    assert not admin.may(Scope.score)
    assert [one for one in Scope if scraper.may(one)] == [Scope.metrics]
