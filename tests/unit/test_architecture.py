"""What every module of the project keeps to, read from the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("retain", "feature_repo", "training", "services", "cli")
MODULES = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py"))
LONGEST_MODULE_LINES = 300
UNSAFE_MODULES = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def named(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def reads_the_environment(tree: ast.Module) -> bool:
    written = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    names = {"environ", "getenv", "environb"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names and id(node) not in written)
        or (isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & names)
        for node in ast.walk(tree)
    )


@pytest.fixture(params=MODULES, ids=named)
def module(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def test_a_module_is_one_noun_and_short(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST_MODULE_LINES


def test_nothing_that_runs_code_from_data_is_imported(tree: ast.Module) -> None:
    assert not {name.split(".")[0] for name in imported(tree)} & UNSAFE_MODULES


def test_nothing_is_evaluated_from_text(tree: ast.Module) -> None:
    assert not set(called(tree)) & {*UNSAFE_CALLS, "yaml.load", "yaml.unsafe_load"}


def test_only_settings_read_the_environment(module: Path, tree: ast.Module) -> None:
    assert named(module) == "retain/settings.py" or not reads_the_environment(tree)


def test_a_module_says_what_it_is_for(tree: ast.Module) -> None:
    assert not tree.body or ast.get_docstring(tree)
