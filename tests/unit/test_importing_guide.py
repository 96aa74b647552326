"""What the guide shows, works."""

import re
from pathlib import Path

import pytest

from retain.importers import FORMATS
from retain.importers.mapping import Mapping, parse
from retain.importers.online_retail import declared
from tests.import_home import Home

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "importing.md").read_text("utf-8")
MAPPINGS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


def test_every_format_is_in_the_guide() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \| .* \| ", GUIDE, re.MULTILINE)) >= set(FORMATS)


@pytest.mark.parametrize("text", MAPPINGS)
def test_a_mapping_of_the_guide_is_one(text: str) -> None:
    assert parse(text, "guide").name


def test_every_part_of_a_mapping_is_in_the_guide() -> None:
    assert all(f"`{name}`" in GUIDE or f"{name}:" in GUIDE for name in Mapping.model_fields)


def test_every_code_that_is_no_product_is_in_the_guide() -> None:
    assert all(f"`{code}`" in GUIDE for code in declared()["non_product_codes"][:-2])


def test_the_guides_shop_is_imported_as_it_says(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "map.yaml").write_text(MAPPINGS[0])
    path = home.write(
        "orders.csv",
        "Bestellung;Kundennummer;Datum;Artikel;Warengruppe;Menge;Einzelpreis;Gutschein",
        "1;k1;05.01.2026 12:00;a;mugs;2;3.5;SPRING",
        "1;k1;05.01.2026 12:00;Versand;;1;4.9;",
        "1;k1;09.01.2026 12:00;a;mugs;-1;3.5;",
    )
    report = home.take(path, "csv", mapping=tmp_path / "map.yaml")
    assert [row["type"] for row in home.events()] == ["order_completed", "order_refunded"]
    assert [row["ts"].hour for row in home.events()] == [11, 11]
    assert report.set_aside["non_product_code"].rows == 1


def test_every_reason_an_importer_gives_is_in_the_guide() -> None:
    package = Path(__file__).parents[2] / "retain"
    sources = [*package.glob("*.py"), *(package / "importers").glob("*.py")]
    found = set()
    for source in sources:
        text = source.read_text("utf-8")
        found |= set(re.findall(r'(?:Refused|SetAside)\(\s*"([a-z_]+)"', text))
        found |= set(
            re.findall(
                r'^\s+\(?"([a-z_]+)"[,:]\s*\(?\s*f?"[^"]*(?: IS | [<>=] )', text, re.MULTILINE
            )
        )
    assert {"no_customer_id", "future_time", "zero_quantity", "invalid_margin"} <= found
    assert not {reason for reason in found if f"`{reason}`" not in GUIDE}
