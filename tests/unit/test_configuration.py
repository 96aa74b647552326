"""What is wrong in a configuration file is said with its place."""

from collections.abc import Mapping

import pytest
from pydantic import Field

from retain.configuration import Declared, read_yaml
from retain.decisions import catalogues
from retain.errors import InvalidInput
from retain.settings import PROJECT_CONFIG


class Limit(Declared):
    days: int


class Item(Declared):
    id: str | None = None
    limits: Mapping[str, Limit] = Field(default={})


class File(Declared):
    items: tuple[Item, ...] = ()
    salt: str | None = None


@pytest.fixture
def refused(tmp_path):
    def of(text: str) -> InvalidInput:
        path = tmp_path / "file.yaml"
        path.write_text(text, "utf-8")
        with pytest.raises(InvalidInput) as caught:
            read_yaml(path, File)
        return caught.value

    return of


@pytest.mark.parametrize(
    ("text", "key", "first", "again"),
    [
        ("salt: a\nitems: []\nsalt: b\n", "salt", 1, 3),
        ('salt: a\n"salt": a\n', "salt", 1, 2),
        ("items:\n  - id: a\n    limits:\n      x: {days: 1}\n      x: {days: 2}\n", "x", 4, 5),
        ("items: [{id: a, id: b}]\n", "id", 1, 1),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(refused, text, key, first, again):
    error = refused(text)
    assert f"{key} stands in line {first} and again in line {again}" in error.message
    assert "file.yaml" in error.message
    assert (error.field, bool(error.remedy)) == (key, True)


def test_one_key_in_two_places_and_what_is_merged_in_is_no_repetition(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text(
        "items:\n  - &one {id: a, limits: {x: {days: 1}}}\n  - {<<: *one, id: b}\n", "utf-8"
    )
    assert [item.id for item in read_yaml(path, File).items] == ["a", "b"]


def test_a_fault_in_a_list_is_told_by_its_number_and_id(refused):
    error = refused("items:\n  - {id: a}\n  - {id: b, limits: {x: {days: many}}}\n")
    assert error.message.startswith("items[1] (b).limits.x.days in file.yaml: ")
    assert error.field == "items.1.limits.x.days"
    assert refused("items:\n  - {hat: 1}\n").message.startswith("items[0].hat in file.yaml: ")
    assert refused("- 1\n").message.startswith("the file in file.yaml: ")


def test_a_fault_in_the_catalogue_names_the_action(tmp_path):
    path = tmp_path / "actions.yaml"
    shipped = (PROJECT_CONFIG / "actions.yaml").read_text("utf-8")
    path.write_text(shipped.replace("channel: sms", "channel: fax", 1), "utf-8")
    with pytest.raises(InvalidInput) as caught:
        catalogues.load(path)
    assert "(winback_reminder_sms).channel in actions.yaml" in caught.value.message
