"""The documentation says what is there, and what is there is documented."""

import json
import re
from pathlib import Path

import pytest
import typer.main

from cli.main import app
from retain.properties import json_schema

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [
    *PROJECT.glob("*.md"),
    *(PROJECT / "docs").rglob("*.md"),
    *(PROJECT / "scripts").glob("*.md"),
]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def section(page: Path, title: str) -> str:
    text = page.read_text("utf-8")
    assert f"## {title}\n" in text
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_command_is_documented_and_no_other() -> None:
    text = (PROJECT / "docs" / "commands.md").read_text("utf-8")
    documented = re.findall(r"^\| `retain ([a-z ]+)` \|", text, flags=re.MULTILINE)
    commands = []
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        commands += [f"{name} {n}" for n in inner] if inner else [name]
    assert sorted(documented) == sorted(commands)


def test_the_readme_sends_nobody_to_a_file_that_is_not_there() -> None:
    table = section(PROJECT / "README.md", "Where does it go?")
    paths = [p for p in re.findall(r"`([^`]+)`", table) if "/" in p and " " not in p]
    assert len(paths) >= 8
    assert [path for path in paths if not (PROJECT / path).exists()] == []


def test_the_published_event_schema_is_the_one_that_is_enforced() -> None:
    published = json.loads((PROJECT / "docs" / "events.schema.json").read_text("utf-8"))
    assert published == json_schema()


def test_every_decision_is_in_the_index() -> None:
    index = (PROJECT / "docs" / "adr" / "README.md").read_text("utf-8")
    records = sorted(p.name for p in (PROJECT / "docs" / "adr").glob("0*.md"))
    assert sorted(re.findall(r"\]\((0[^)]+)\)", index)) == records
