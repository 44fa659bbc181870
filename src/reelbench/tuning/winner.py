"""The winner of a search, written into `conf/models/` with everything else in the file kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from reelbench import paths
from reelbench.files import atomic
from reelbench.tuning.record import TRIALS, WINNER
from reelbench.tuning.study import TuningError

# longer lines of a file would be folded
_NO_FOLDING = 10_000


def new_parameters(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a finished search would change: parameter → value, empty where the default won."""
    trial = next((row for row in content[TRIALS] if row["number"] == content[WINNER]), None)
    found = {} if trial is None else trial["parameters"]
    default = content["default"]
    return {name: value for name, value in found.items() if value != default[name]}


def summary(content: Mapping[str, Any]) -> str:
    """One line: what was best, against the parameters of `conf/`."""
    model, metric = content["model"], content["objective"]["metric"]
    values = {row["number"]: row["value"] for row in content[TRIALS]}
    if not values:
        return f"{model}: nothing to tune"
    first, best = values[1], values[content[WINNER]]
    default = "failed" if first is None else f"{first:.5f}"
    new = new_parameters(content)
    setting = ", ".join(f"{name}={value}" for name, value in new.items())
    return (
        f"{model}: {metric} {best:.5f} in {len(values)} trials, {default} with the parameters "
        f"of conf/{f'; best: {setting}' if new else ', which stay the best'}"
    )


def write_all(
    searches: Iterable[Mapping[str, Any]], compose: Callable[[], Mapping[str, Any]]
) -> list[str]:
    """Write the winners to `conf/models/`, then compose `params.yaml` of it.

    Args:
        searches: contents of `paths.tuning`.
        compose: writes `params.yaml` and returns its content.

    Returns:
        lines that say what was written.

    Raises:
        TuningError: another file of `conf/` overrides a model's own.
        ParamsError: what is written does not compose.
    """
    new = {content["model"]: new_parameters(content) for content in searches}
    written = {model: write(model, parameters) for model, parameters in new.items() if parameters}
    models = compose()["models"]
    for model, file in written.items():
        other = [name for name, value in new[model].items() if models[model][name] != value]
        if other:
            raise TuningError(
                f"{file} was written, but models.{model}.{other[0]} is composed from elsewhere: "
                "put _self_ at the end of the file's defaults"
            )
    lines = [f"{file}: {', '.join(new[model])} written" for model, file in written.items()]
    return [*lines, f"{paths.PARAMS}: composed of {paths.CONF}/"]


def write(model: str, parameters: Mapping[str, Any]) -> Path:
    """Set parameters below `models.<model>` of the model's file; absent keys are added there.

    Returns:
        the file.

    Raises:
        TuningError: there is no such file, or nothing of the model is in it.
    """
    file = paths.CONF / "models" / f"{model}.yaml"
    text = changed(_read(file), model, parameters)
    with atomic(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return file


def changed(text: str, model: str, parameters: Mapping[str, Any]) -> str:
    """A model's file with other parameters, its comments and its layout kept.

    Raises:
        TuningError: the text has no section `models.<model>`.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _NO_FOLDING
    # as the files of conf/ are written: list items two in from their key, and null by its name
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), _null)
    content = yaml.load(text)
    section = (content.get("models") or {}).get(model)
    if not isinstance(section, dict):
        raise TuningError(f"conf/models/{model}.yaml has no section models.{model} to write to")
    for name, value in parameters.items():
        section[name] = _styled(section.get(name), value)
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def _styled(old: Any, new: Any) -> Any:
    """The new value; a list or a mapping on one line if the old one is, or if there is none."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if not isinstance(new, list | dict):
        return new
    value = CommentedSeq(new) if isinstance(new, list) else CommentedMap(new)
    if old is None or old.fa.flow_style():
        value.fa.set_flow_style()
    return value


def _read(file: Path) -> str:
    if not file.is_file():
        raise TuningError(f"{file} is missing: only a model with a file of its own can be written")
    return file.read_text(encoding="utf-8")


def _null(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")
