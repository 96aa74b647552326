"""Properties are what the vocabulary declares; the quick look and pydantic agree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.properties import (
    canonical,
    drop_unknown,
    encode,
    json_schema,
    properties_model,
    read_properties,
)
from retain.set_aside import Refused
from retain.vocabulary import vocabulary


def read(kind: str, **given_properties: Any) -> dict[str, Any]:
    return read_properties(vocabulary().types[kind], given_properties)[0]


def test_properties_come_in_the_vocabularys_order() -> None:
    assert list(read("product_viewed", price=2, category="c", product_id="p")) == [
        "product_id",
        "category",
        "price",
    ]


def test_an_alias_gives_way_to_the_name_itself() -> None:
    assert read("product_viewed", sku="b", product_id="a") == {"product_id": "a"}
    assert read("product_viewed", product_id="a", sku="b") == {"product_id": "a"}


def test_a_product_that_came_as_a_float_keeps_its_number() -> None:
    assert read("product_viewed", product_id=21232.0) == {"product_id": "21232"}


def test_a_null_is_no_property() -> None:
    assert read("product_viewed", product_id=None) == {}


def test_a_wrong_value_is_refused_with_its_place() -> None:
    with pytest.raises(Refused, match=r"properties\.lines\.0\.price"):
        read("order_completed", lines=[{"price": "much"}])


def test_unknown_names_are_told_apart() -> None:
    known, dropped = drop_unknown(vocabulary().types["searched"], {"search_term": "mug", "q": "x"})
    assert known == {"query": "mug"}
    assert dropped == ["q"]


_values = st.one_of(
    st.text(max_size=4), st.floats(), st.integers(), st.booleans(), st.none(),
    st.lists(st.text(max_size=3), max_size=2),
    st.lists(st.dictionaries(st.sampled_from(["product_id", "price", "quantity"]),
                             st.floats() | st.text(max_size=3) | st.integers()), max_size=2),
)  # fmt: skip


@given(st.sampled_from(sorted(vocabulary().types)), st.data())
def test_what_passes_at_a_look_is_what_pydantic_says(kind: str, data: st.DataObject) -> None:
    event_type = vocabulary().types[kind]
    names = st.sampled_from(sorted(event_type.properties) or ["x"])
    given_properties = data.draw(st.dictionaries(names, _values, max_size=4))
    quick = canonical(event_type.properties, given_properties)
    if quick is not None:
        known, _ = drop_unknown(event_type, given_properties)
        slow = properties_model(kind).model_validate(known).model_dump(exclude_none=True)
        assert encode(quick) == encode(slow)


def test_the_published_schema_describes_every_type() -> None:
    import jsonschema

    schema = json_schema()
    assert set(schema["properties"]) == set(vocabulary().types)
    for described in schema["properties"].values():
        jsonschema.Draft202012Validator.check_schema(described)
