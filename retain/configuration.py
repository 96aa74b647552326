"""Reading the YAML files of ``config/`` into checked models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retain import yaml_text
from retain.errors import InvalidInput
from retain.settings import PROJECT_CONFIG

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
"""Snake case: names stand in rules, receipts, columns and metrics."""


class Declared(BaseModel):
    """Base of what a configuration file declares: no unknown keys, no changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Names(Declared):
    """What people read, by language."""

    en: str
    ko: str


Model = TypeVar("Model", bound=BaseModel)


class _TwiceError(yaml.YAMLError):
    """A key that stands twice in one mapping."""

    def __init__(self, key: str, line: int, first: int) -> None:
        super().__init__(f"{key} stands in line {first} and again in line {line}")
        self.key = key


class _Loader(yaml_text.Loader):  # type: ignore[misc]
    """YAML in which no later key replaces an earlier one in silence, as its specification asks."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                first = lines.get((key.tag, key.value))
                if first is not None:
                    raise _TwiceError(key.value, line, first)
                lines[key.tag, key.value] = line
        return node


def read_yaml(path: Path, model: type[Model]) -> Model:
    """The checked content of the YAML file at ``path``.

    Raises:
        InvalidInput: the file is missing, is not YAML, a key stands in it twice, or a field is
            wrong; the message names the file and the field.
    """
    try:
        content = _Loader(path.read_text("utf-8")).get_single_data()
    except _TwiceError as error:
        raise InvalidInput(
            f"{path.name} has a key twice: {error}",
            remedy="only one of them would count: keep that one",
            field=error.key,
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(
            f"{path.name} cannot be read: {error}",
            remedy=f"check {path.name} in the folder RETAIN_CONFIG names",
            field=path.name,
        ) from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = _place(content, first["loc"]) or "the file"
        raise InvalidInput(
            f"{where} in {path.name}: {first['msg']}",
            remedy="see docs/guides for the fields of this file",
            field=".".join(str(part) for part in first["loc"]) or where,
        ) from error


def _place(content: Any, parts: Sequence[int | str]) -> str:
    """Where in ``content``: what stands in a list by its number and its id or name."""
    said = ""
    for part in parts:
        content = _within(content, part)
        if isinstance(part, int):
            named = content if isinstance(content, dict) else {}
            name = named.get("id", named.get("name"))
            said += f"[{part}] ({name})" if isinstance(name, str) else f"[{part}]"
        else:
            said += f".{part}" if said else part
    return said


def _within(content: Any, part: int | str) -> Any:
    try:
        return content[part]
    except (LookupError, TypeError):
        return None  # of a union pydantic also names the branch that it tried


def read_declared(folder: Path, file_name: str, model: type[Model]) -> Model:
    """What a configuration folder declares in ``file_name``, or what is shipped where it does not.

    Raises:
        InvalidInput: the file cannot be read or a field is wrong; the message names it.
    """
    own = folder / file_name
    return read_yaml(own if own.exists() else PROJECT_CONFIG / file_name, model)
