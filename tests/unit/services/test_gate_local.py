"""Who may ask a service on loopback that asks for no key."""

import pytest

from services.gate.keys import Keyring
from services.gate.local import LocalCheck
from services.gate.visit import Visit
from services.operations import OPERATIONS
from services.refusals import Forbidden


def passes(headers: dict[str, str], *, route: str = "/events", required: bool = False) -> bool:
    check = LocalCheck(Keyring(list, required=required), OPERATIONS)
    told = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    outcomes = set()
    # what is remembered of the first must not change the second
    for _ in range(2):
        try:
            check({"headers": told}, Visit(route, "r", 0.0, 0.0))
        except Forbidden:
            outcomes.add(False)
        else:
            outcomes.add(True)
    [outcome] = outcomes
    return outcome


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:3000", "LocalHost:3000", "127.0.0.1:3000", "127.1.2.3", "[::1]:3000"],
)
def test_who_asks_for_this_machine_is_answered(host) -> None:
    assert passes({"host": host})
    assert passes({"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"})
    assert passes({"host": host, "sec-fetch-site": "none"})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:3000",
        "10.0.0.7:3000",
        "[::2]:3000",
        "",
        "0x7f.1",
        "localhost:3000:80",
        "user@localhost",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host) -> None:
    assert not passes({"host": host})


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://http://localhost"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_page_of_another_site_is_refused(headers) -> None:
    assert not passes({"host": "localhost:3000", **headers})


def test_what_needs_no_key_anywhere_is_open_to_every_page() -> None:
    for route in ("/livez", "/docs", "/"):
        assert passes({"host": "evil.example", "origin": "null"}, route=route)


def test_where_keys_are_asked_for_they_decide_alone() -> None:
    assert passes({"host": "crm.example", "origin": "https://crm.example"}, required=True)


def test_a_refusal_says_what_to_do() -> None:
    check = LocalCheck(Keyring(list, required=False), OPERATIONS)
    with pytest.raises(Forbidden, match=r"'evil\.example'") as refused:
        check({"headers": [(b"host", b"evil.example")]}, Visit("/events", "r", 0.0, 0.0))
    assert "retain keys add" in refused.value.remedy
