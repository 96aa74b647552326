"""The guides name every route, problem and metric there is, and no other."""

import re
from pathlib import Path

from services import problems
from services.metrics import Metrics
from services.operations import OPERATIONS

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
GUIDE = (GUIDES / "api.md").read_text("utf-8")
OBSERVABILITY = (GUIDES / "observability.md").read_text("utf-8")


def section(title: str, guide: str = GUIDE) -> str:
    return guide.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def first_cells(text: str) -> str:
    return "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))


def test_every_route_is_in_the_guide() -> None:
    table = first_cells(GUIDE.split("\n## ")[0])
    routes = re.findall(r"`((?:GET|POST) /[^`]*)`", table)
    assert sorted(routes) == sorted(f"{o.method} {o.path}" for o in OPERATIONS)


def test_every_problem_is_in_the_guide() -> None:
    listed = re.findall(r"`([a-z-]+)`", first_cells(section("Errors")).split("…", 1)[1])
    others = (problems.INTERNAL, problems.NO_SUCH_PATH, problems.METHOD_NOT_ALLOWED)
    assert sorted(listed) == sorted(kind.slug for kind in (*problems.KINDS.values(), *others))


def test_every_metric_is_in_the_guide() -> None:
    table = first_cells(section("Metrics", OBSERVABILITY))
    listed = re.findall(r"`(retain_\w+)`", table)
    rendered = re.findall(r"^# HELP (\S+)", Metrics().render().decode(), flags=re.MULTILINE)
    declared = [name for name in rendered if not name.endswith("_created")]
    assert sorted(listed) == sorted(declared)
