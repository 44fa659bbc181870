"""`params.yaml` section → frozen typed config that forbids unknown keys.

Humans write `conf/`; DVC's Hydra composition (or `make params`) makes `params.yaml` of it. A stage
reads its own section through `load`, so a typo stops it before any work and names the key, the file
that a human wrote it in, and the nearest key that exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from reelbench import paths


class Section(BaseModel):
    """Base of every config: immutable, typed, and closed to keys that it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ParamsError(ValueError):
    """A parameter that cannot be used; the message names the key, the file and the remedy."""


def is_users(error: ValueError) -> bool:
    """Whether an error is about the user's input, as ours and a config's are, or else a bug."""
    return isinstance(error, ValidationError) or type(error).__module__.startswith("reelbench.")


Config = TypeVar("Config", bound=Section)

# groups whose choice is named by a key of their own, and groups with one file per entry
_CHOICES = ("data", "enrich", "split", "tracking", "engine")
_COLLECTIONS = ("features", "models")


def read(file: Path = paths.PARAMS) -> dict[str, Any]:
    """Whole content of `params.yaml`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ParamsError(f"{file} is missing: run `make params`") from error
    return deepcopy(_parsed(text)) or {}


@lru_cache(maxsize=1)
def _parsed(text: str) -> Any:
    """Content of the text; a stage reads its parameters many times."""
    return yaml.load(text, Loader=_Loader)


def select(params: Mapping[str, Any], section: str) -> Any:
    """Value at a dotted path such as `models.svd`."""
    value: Any = params
    for key in section.split("."):
        if not isinstance(value, Mapping) or key not in value:
            known = sorted(value) if isinstance(value, Mapping) else []
            raise ParamsError(f"{paths.PARAMS}: no section '{section}'{nearest(key, known)}")
        value = value[key]
    return value


def flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Values of nested mappings by their dotted paths."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        inner = flat(value) if isinstance(value, Mapping) else {"": value}
        found |= {f"{key}.{name}".rstrip("."): leaf for name, leaf in inner.items()}
    return found


def load(section: str, config: type[Config], file: Path = paths.PARAMS) -> Config:
    """Typed config of one section of `params.yaml`.

    Raises:
        ParamsError: the section is missing, has an unknown key or a value of the wrong type.
    """
    params = read(file)
    return validate(section, select(params, section), config, conf_file(section, params))


def validate(section: str, values: Any, config: type[Config], source: Path) -> Config:
    """Typed config made of `values`; `source` is the file that the error message points to."""
    try:
        return config.model_validate(values)
    except ValidationError as error:
        lines = [_explain(section, detail, config, source) for detail in error.errors()]
        raise ParamsError("\n".join(lines)) from error


def conf_file(section: str, params: Mapping[str, Any]) -> Path:
    """The file below `conf/` in which a human wrote a section."""
    group, _, entry = section.partition(".")
    if group in _COLLECTIONS and entry:
        return paths.CONF / group / f"{entry.split('.')[0]}.yaml"
    if group in _CHOICES and isinstance(params.get(group), Mapping) and "name" in params[group]:
        return paths.CONF / group / f"{params[group]['name']}.yaml"
    return paths.CONF / "config.yaml"


def _explain(section: str, detail: ErrorDetails, config: type[Section], source: Path) -> str:
    location = [str(part) for part in detail["loc"] if part != "[key]"]
    dotted = ".".join([section, *location])
    if detail["type"] == "extra_forbidden":
        known = _keys_at(config, location[:-1])
        return f"{source}: unknown key '{location[-1]}' ({dotted}){nearest(location[-1], known)}"
    if detail["type"] == "missing":
        return f"{source}: missing key '{location[-1]}' ({dotted})"
    if detail["type"] == "value_error":  # of our own validators, which name the value
        return f"{source}: {dotted}: {detail['ctx']['error']}"
    return f"{source}: {dotted}: {detail['msg']}, got {detail['input']!r}"


def _keys_at(config: type[Section], location: list[str]) -> list[str]:
    """Names of the keys that the (nested) config at `location` declares."""
    current: type[BaseModel] = config
    for part in location:
        field = current.model_fields.get(part)
        annotation = field.annotation if field else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            current = annotation
    return sorted(field.alias or name for name, field in current.model_fields.items())


def nearest(key: str, known: list[str]) -> str:
    """End of a message about an unknown key: the nearest known one, or else all of them."""
    from rapidfuzz import process

    match = process.extractOne(key, known, score_cutoff=50)
    if match:
        return f"; did you mean '{match[0]}'?"
    return f"; known keys: {', '.join(known)}" if known else ""


# libyaml's: a stage reads its parameters several times, and Python's takes 0.2 s for each
class _Loader(yaml.CSafeLoader):
    """YAML 1.2's reading of numbers: PyYAML takes `1e-5`, which has no dot, for a string."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
