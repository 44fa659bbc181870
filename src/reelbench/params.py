"""`params.yaml` section → frozen typed config that forbids unknown keys.

Humans write `conf/`; DVC's Hydra composition (or `make params`) makes `params.yaml` of it. A stage
reads its own section through `load`, so a typo stops it before any work and names the key, the file
that a human wrote it in, and the nearest key that exists.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from itertools import islice
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from reelbench import environment, paths


class Section(BaseModel):
    """Base of every config: immutable, typed, and closed to keys that it does not declare."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ParamsError(ValueError):
    """A parameter that cannot be used; the message names the key, the file and the remedy."""


def told(error: Exception) -> str | None:
    """What to tell of an error about the user's input or machine; None for a bug."""
    ours = type(error).__module__.startswith("reelbench.") and isinstance(error, ValueError)
    if ours or isinstance(error, ValidationError):
        return environment.masked(str(error))
    return environment.trouble(error)


class _Named(BaseModel):
    """A choice of a group of `conf/`; what else it holds is checked by the code that reads it."""

    name: str


class Root(Section):
    """Top level of `params.yaml`; the sections below are checked by the classes that use them."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    threads: PositiveInt
    seeds: PositiveInt  # trainings of every model whose fit depends on the seed
    repeat: dict[str, Any]
    protocol: str | None
    faults: list[str]
    #: modules or packages beside the project's own whose classes `_target_` may name
    targets: tuple[str, ...] = ()
    data: _Named
    enrich: dict[str, Any]
    filter: dict[str, Any]
    split: _Named
    features: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    inputs: dict[str, list[str]]
    search: dict[str, dict[str, Any]]  # per model the space that `reelbench tune` searches
    tune: dict[str, Any]
    evaluate: dict[str, Any]
    budget: dict[str, Any]
    gate: dict[str, Any]
    tracking: dict[str, Any]
    engine: dict[str, Any]
    energy: dict[str, Any] = {}


Config = TypeVar("Config", bound=Section)

#: files of `conf/` as the library knows them outside a project: a link to those of the checkout,
#: and in the wheel a folder of the same files, so that a value is written once
PRESETS = Path(__file__).parent / "conf"
# what a message calls an entry of a group
_KINDS = {"data": "data set", "split": "protocol", "features": "feature block"}
# groups whose choice is named by a key of their own, and groups with one file per entry
_CHOICES = ("data", "enrich", "split", "tracking", "engine")
_COLLECTIONS = ("features", "models")
# values of a file, aliases written out: a few lines of them can stand for more than memory holds
_MOST_VALUES, _MOST_KEYS = 200_000, 10_000
_BOMB = "aliases stand for too many values"
_CONFLICT = re.compile(rb"^(?:<{7}|={7}|>{7})(?: |\r?$)", re.MULTILINE)


class _Content(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        raise ParamsError(f"{paths.PARAMS}: no section '{key}': run `make params`")


def read(file: Path = paths.PARAMS) -> dict[str, Any]:
    """Whole content of `params.yaml`; a missing section is a ParamsError when it is used.

    So is at once a section of the wrong type, a `_target_` that is not allowed, or a password.
    """
    return _Content(deepcopy(_checked(file, _bytes(file))))


@lru_cache(maxsize=1)
def _checked(file: Path, text: bytes) -> dict[str, Any]:
    """Content of the text; a stage reads its parameters many times."""
    content = _parsed(text, file)
    try:
        Root.model_validate(content)
    except ValidationError as error:
        for detail in error.errors():
            if len(detail["loc"]) > 1 or detail["type"] not in ("missing", "extra_forbidden"):
                key = rf"^{re.escape(str(detail['loc'][0]))}:".encode()
                found = re.search(key, text, re.MULTILINE)
                place = Path(f"{file}, line {_line(text, found.start() if found else 0)}")
                wrong = _explain("", detail, Root, place)
                raise ParamsError(f"{wrong}: run `make params`") from error
    refuse(content)
    return content


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds; a ParamsError with the line if it holds none."""
    return _parsed(_bytes(file), file)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        told = "is missing" if isinstance(error, FileNotFoundError) else f"is no file ({error})"
        raise ParamsError(f"{file} {told}: run `make params`") from error


def _line(text: bytes, place: int) -> int:
    return text.count(b"\n", 0, place) + 1


def _parsed(text: bytes, file: Path) -> dict[str, Any]:
    line, wrong, content = 1, "", None
    try:
        if conflict := _CONFLICT.search(text):
            line, wrong = _line(text, conflict.start()), "an unresolved conflict of git"
        else:
            content = yaml.load(text, Loader=_Loader)
            if next(islice(leaves(content), _MOST_VALUES, None), None):
                wrong = _BOMB
            elif not isinstance(content, dict):
                found = "it is empty" if content is None else f"it is a {type(content).__name__}"
                wrong = f"{found}, not a mapping"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, wrong = mark.line + 1 if mark else 1, str(error.problem)
    except yaml.reader.ReaderError as error:
        line, wrong = _line(text, error.position), f"not text in UTF-8 ({error.reason})"
    except (RecursionError, ValueError) as error:  # a loop of aliases; a date such as 2020-13-45
        wrong = str(error)
    if wrong:
        remedy = "run `make params`" if file.name == paths.PARAMS.name else "mend the file"
        raise ParamsError(f"{file}, line {line}: {wrong}: {remedy}")
    return cast(dict[str, Any], content)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested mappings and lists with its dotted path, the containers as well."""
    yield path, value
    inside = dict(enumerate(value)) if isinstance(value, list) else value
    for key, inner in inside.items() if isinstance(inside, Mapping) else ():
        yield from leaves(inner, f"{path}.{key}".lstrip("."))


def refuse(content: Mapping[str, Any]) -> None:
    """Refuse a class from elsewhere, before anything imports it, and a password."""
    for path, value in leaves(content):
        group, _, rest = path.partition(".")
        if path.endswith("._target_"):
            homes = tuple(f"{h}." for h in (f"reelbench.{group}", *(content.get("targets") or ())))
            if not str(value).startswith(homes):
                source = conf_file(f"{group}.{rest.partition('.')[0]}", content)
                raise ParamsError(
                    f"{source}: {path}: '{value}' is not in reelbench.{group}; to allow it, add "
                    f"its module to `targets` in {paths.CONF / 'config.yaml'}"
                )
        elif isinstance(value, str):
            refuse_password(path, value, conf_file(group, content))


def refuse_password(path: str, address: str, source: Path) -> None:
    """Refuse an address that holds a password: parameters are copied to many files."""
    # a password may hold spaces, but a text about an address has some too
    alone = "tracking" in path
    if environment.has_password(address.replace(" ", "") if alone else address, alone):
        raise ParamsError(
            f"{source}: {path}: leave out the password, which would be copied to files; for MLflow "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or else "
            "MLFLOW_TRACKING_URI and tracking=environment"
        )


def resolved(target: str, base: type) -> type[Any]:
    """The class that `_target_` names; a ParamsError if there is none, or it is no `base`."""
    try:
        found = resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ParamsError(f"_target_: there is no '{target}' ({error})") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ParamsError(f"_target_: '{target}' is no {base.__name__}")
    return found


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


def presets(group: str, folder: Path = PRESETS) -> list[str]:
    """Names of the files of a group, such as `data`, `split` or `features`, sorted."""
    return sorted(file.stem for file in (folder / group).glob("*.yaml"))


def preset(group: str, name: str, folder: Path = PRESETS) -> Mapping[str, Any]:
    """Content of one file of a group; a ParamsError if there is none of this name."""
    known = presets(group, folder)
    if name not in known:
        raise ParamsError(f"unknown {_KINDS.get(group, group)} '{name}'{nearest(name, known)}")
    return read_yaml(folder / group / f"{name}.yaml")


def load(section: str, config: type[Config], file: Path = paths.PARAMS) -> Config:
    """Typed config of one section of `params.yaml`; a ParamsError if that is missing or wrong."""
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
    dotted = ".".join([section, *location]).strip(".")
    if detail["type"] == "extra_forbidden":
        known = _keys_at(config, location[:-1])
        return f"{source}: unknown key '{location[-1]}' ({dotted}){nearest(location[-1], known)}"
    if detail["type"] == "missing":
        return f"{source}: missing key '{location[-1]}' ({dotted})"
    if detail["type"] == "value_error":  # of our own validators, which name the value
        return f"{source}: {dotted}: {detail['ctx']['error']}"
    got = repr(detail["input"])
    return f"{source}: {dotted}: {detail['msg']}, got {got[:200]}{'…' if len(got) > 200 else ''}"


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
    """YAML 1.2's reading of numbers: PyYAML takes `1e-5`, which has no dot, for a string.

    A key that stands twice in a mapping is refused, where PyYAML takes the last.
    """

    def flatten_mapping(self, node: Any) -> None:
        keys = [(key.tag, str(key.value)) for key, _ in node.value]
        twice = len(set(keys)) < len(keys) and not hasattr(node, "merged")
        super().flatten_mapping(node)
        node.merged = True  # holds what its merges (`<<`) bring, which its own keys may repeat
        if twice or len(keys) > _MOST_KEYS:
            key = node.value[next((n for n, k in enumerate(keys) if k in keys[:n]), 0)][0]
            wrong = f"the key '{key.value}' stands there twice" if twice else _BOMB
            raise yaml.constructor.ConstructorError(None, None, wrong, key.start_mark)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
