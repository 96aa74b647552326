import json
from pathlib import Path

import pytest


@pytest.fixture
def shop(retain, tmp_path: Path) -> Path:
    answered = retain("simulate", "--out", str(tmp_path / "shop"), "--customers", "200")
    assert answered.code == 0
    return tmp_path / "shop" / "events.parquet"


def test_a_simulated_shop_says_how_to_import_it(retain, tmp_path: Path) -> None:
    answered = retain("simulate", "--out", str(tmp_path / "shop"), "--customers", "200")
    hint = f"retain import {tmp_path / 'shop' / 'events.parquet'} --format retain"
    assert hint in answered.out


def test_an_import_accounts_for_every_row(retain, shop: Path) -> None:
    report = json.loads(retain("import", str(shop), "--format", "retain", "--json").out)
    assert report["rows_read"] == report["rows_kept"] + report["rows_set_aside"]
    assert report["customers"] == 200


def test_importing_again_doubles_nothing(retain, shop: Path) -> None:
    first = json.loads(retain("import", str(shop), "--format", "retain", "--json").out)
    again = json.loads(retain("import", str(shop), "--format", "retain", "--json").out)
    assert again["events_written"] == 0
    assert again["events_already_logged"] == first["events_written"]


def test_the_account_is_a_table_for_a_person(retain, shop: Path) -> None:
    answered = retain("import", str(shop), "--format", "retain")
    assert "rows set aside" in answered.out
    assert "customers" in answered.out


@pytest.mark.parametrize(
    ("content", "file_format"),
    [(b"", "retain"), (b"PAR1 but not really", "online-retail"), (b"{}\n", "no-such-format")],
    ids=["empty", "another format", "no such format"],
)
def test_a_file_that_cannot_be_read_is_invalid_input(
    retain, tmp_path: Path, content: bytes, file_format: str
) -> None:
    file = tmp_path / "file.parquet"
    file.write_bytes(content)
    answered = retain("import", str(file), "--format", file_format)
    assert answered.code == 2
    assert answered.err.splitlines()[-2].startswith("retain: ")
    assert "remedy: " in answered.err


def test_a_missing_file_is_invalid_input(retain, tmp_path: Path) -> None:
    answered = retain("import", str(tmp_path / "missing.csv"), "--format", "retain")
    assert answered.code == 2
    assert "missing.csv" in answered.err


def test_scoring_without_models_says_what_to_do(retain, shop: Path, tmp_path: Path) -> None:
    retain("import", str(shop), "--format", "retain")
    answered = retain("score", "--out", str(tmp_path / "scores.parquet"))
    assert answered.code == 1
    assert "retain train" in answered.err
    assert not (tmp_path / "scores.parquet").exists()
