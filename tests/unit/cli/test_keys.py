"""`retain keys` as a person and a program use it."""

import json

import pytest


def made(retain, *more: str) -> dict:
    done = retain("keys", "add", "--scope", "score", "--name", "crm", "--json", *more)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_new_key_is_shown_once_and_never_listed(retain):
    done = retain("keys", "add", "--scope", "score", "--scope", "ingest", "--name", "crm")
    text = done.out.splitlines()[0]
    assert text.startswith("rk_")
    listed = retain("keys", "list")
    assert "crm" in listed.out
    assert text.split("_")[1] in listed.out
    assert text.split("_")[2] not in listed.out


def test_a_program_reads_what_was_made(retain):
    one = made(retain, "--rate", "200")
    assert one["key"].split("_")[1] == one["id"]
    assert (one["scopes"], one["rate"], one["state"]) == (["score"], 200.0, "good")


def test_a_revoked_key_is_listed_only_on_request(retain):
    one = made(retain)
    assert retain("keys", "revoke", one["id"]).code == 0
    assert json.loads(retain("keys", "list", "--json").out) == []
    (kept,) = json.loads(retain("keys", "list", "--all", "--json").out)
    assert (kept["id"], kept["state"]) == (one["id"], "revoked")


def test_a_rotated_key_leaves_two_that_open(retain):
    one = made(retain)
    other = json.loads(retain("keys", "rotate", one["id"], "--json").out)
    states = {k["id"]: k["state"] for k in json.loads(retain("keys", "list", "--json").out)}
    assert states == {one["id"]: "good", other["id"]: "good"}
    assert other["key"] != one["key"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["add", "--scope", "everything", "--name", "x"], 2, "no scope 'everything'"),
        (["add", "--scope", "score", "--name", "x", "--rate", "0"], 2, "no rate"),
        (["revoke", "nobody"], 1, "no key 'nobody'"),
        (["rotate", "nobody", "--overlap-hours", "1e300"], 2, "hours"),
    ],
)
def test_what_cannot_be_done_is_said_with_an_exit_code(retain, words, code, said):
    made(retain)
    done = retain("keys", *words)
    assert done.code == code
    assert said in done.err


def test_a_home_without_keys_says_so_and_how_to_make_one(retain):
    done = retain("keys", "list")
    assert done.code == 1
    assert "holds no keys yet" in done.err
    assert "retain keys add --scope score --name crm" in done.err


@pytest.mark.parametrize("command", ["add", "list", "revoke", "rotate"])
def test_help_has_an_example(retain, command):
    assert "Example: retain keys" in retain("keys", command, "--help").out
