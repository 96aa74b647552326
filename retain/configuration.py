"""Reading the YAML files of ``config/`` into checked models."""

from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

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


def read_yaml(path: Path, model: type[Model]) -> Model:
    """The checked content of the YAML file at ``path``.

    Raises:
        InvalidInput: the file is missing, is not YAML, or a field is wrong; the message
            names the file and the field.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
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
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidInput(
            f"{where} in {path.name}: {first['msg']}",
            remedy="see docs/guides for the fields of this file",
            field=where,
        ) from error


def read_declared(folder: Path, file_name: str, model: type[Model]) -> Model:
    """What a configuration folder declares in ``file_name``, or what is shipped where it does not.

    Raises:
        InvalidInput: the file cannot be read or a field is wrong; the message names it.
    """
    own = folder / file_name
    return read_yaml(own if own.exists() else PROJECT_CONFIG / file_name, model)
