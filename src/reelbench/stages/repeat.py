"""Stage `repeat@{model}`: a model again, on every further seed, window or fold; off by default.

A repetition is a run of the other stages in a folder of its own with one parameter changed, so that
it can differ in nothing else from a run of the pipeline. `evaluate` has made the first of them.
"""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from reelbench import params, paths
from reelbench.columns import COLD_ITEM, COLD_USER, ITEM_IDX, REPEAT, USER_IDX
from reelbench.features.block import IDS
from reelbench.files import atomic, code_hash, read_json, read_json_if_any, sha256_json, write_json
from reelbench.models.base import ModelEntry
from reelbench.seeds import seed_everything, seed_for
from reelbench.splits import Repeated, protocol_of
from reelbench.stages import evaluate, featurize, split, train

_LOG = logging.getLogger(__name__)

# of the parts in a folder of a repetition: what they depend on
_PARTS = Path("parts.json")
_COLD = [COLD_USER, COLD_ITEM]
# what a repetition runs beside the code in the keys of a model's inputs and evaluation
_CODE = ("data", "features", "splits", "stages/featurize.py", "stages/repeat.py", "stages/split.py")


def run(model: str) -> None:
    """Write `paths.repeats` and `paths.repeats_per_user`, anew after every repetition.

    A run that was killed goes on where it was, and repetitions whose inputs are the same are kept.
    A model that was skipped has none, nor has one whose fit depends on no seed, of seeds.
    """
    content = params.read()
    kind, own, others = _variants(model, content)
    others = {} if paths.skipped(model).is_file() else others
    done: dict[str, Any] = {"kind": kind, "own": own, "values": {}, "cold": {}}
    done["key"], tables = _key(model, content, kind), dict[int, pd.DataFrame]()
    before = read_json_if_any(paths.repeats(model))
    if others and before.get("key") == done["key"] and before["values"]:
        rows = pd.read_parquet(paths.repeats_per_user(model))
        for number in (number for number in (own, *others) if str(number) in before["values"]):
            tables[number] = rows[rows[REPEAT] == number]
            for part in ("values", "cold"):
                done[part][str(number)] = before[part][str(number)]
    elif others:
        _read(model, own, done, tables)
    for number in sorted({*others} - {*tables}):
        with _folder(model, others[number], f"{kind}_{number}", kind != "seeds"):
            _read(model, number, done, tables)
        _write(model, done, tables)
        _LOG.info("%s: %s: number %d of %d is done", model, kind, number, 1 + len(others))
    _write(model, done, tables)


def _variants(model: str, content: Mapping[str, Any]) -> tuple[str, int, dict[int, dict[str, Any]]]:
    """`seeds`, `windows` or `folds`; number of the pipeline's own; parameters of the others."""
    chosen = params.load("split", protocol_of(params.select(content, "split")))
    if isinstance(chosen, Repeated) and chosen.all:
        field, own, n = chosen.numbered
        sections = {i: content["split"] | {field: i} for i in range(1, n + 1) if i != own}
        return f"{field}s", own, {i: {**content, "split": new} for i, new in sections.items()}
    entry = params.load(f"models.{model}", ModelEntry)
    if not entry.create(model, seed=0, threads=1).stochastic:
        return "seeds", 1, {}
    root, models, name = content["seed"], content["models"], entry.seed_of or model
    numbers = range(2, 1 + params.select(content, "seeds"))
    seeds = {i: {"seed": seed_for(root, "models", name, str(i))} for i in numbers}
    changed = {i: {**models, model: models[model] | seed} for i, seed in seeds.items()}
    return "seeds", 1, {i: {**content, "models": new} for i, new in changed.items()}


def _key(model: str, content: Mapping[str, Any], kind: str) -> str:
    """SHA-256 of what the repetitions depend on, their number left out."""
    of_evaluation = read_json_if_any(paths.evaluation_inputs(model)).get("key")
    read = {"kind": kind, "evaluation": of_evaluation, "own": read_json(paths.model_inputs(model))}
    if kind != "seeds":
        read |= _of_parts(content) | {"features": content["features"]}
    return sha256_json(read)


def _of_parts(content: Mapping[str, Any]) -> dict[str, Any]:
    read = {name: str(content[name]) for name in ("split", "seed", "engine")}  # dates, too
    return read | {"code": code_hash(_CODE), "data": read_json(paths.CATALOGUE).get("data_hash")}


@contextmanager
def _folder(model: str, content: Mapping[str, Any], name: str, parts: bool) -> Iterator[None]:
    """Work in a folder where the pipeline has run with these parameters, as far as they matter."""
    here, folder, key = Path.cwd(), paths.REPETITIONS / name, _of_parts(content)
    if not parts or read_json_if_any(folder / _PARTS) != key:
        shutil.rmtree(folder, ignore_errors=True)
    (folder / paths.DATA).mkdir(parents=True, exist_ok=True)
    for same in (paths.CLEAN, paths.INPUTS, *(() if parts else (paths.SPLIT, paths.FEATURES))):
        if not (folder / same).exists():
            (folder / same).symlink_to(here / same)
    # nobody asks for intervals of a single repetition, and they take most of the time
    evaluated = content["evaluate"] | {"bootstrap_samples": 1}
    text = yaml.safe_dump({**content, "evaluate": evaluated})
    (folder / paths.PARAMS).write_text(text, encoding="utf-8")
    with chdir(folder):
        if parts:
            if not _PARTS.is_file():
                split.run()
                write_json(_PARTS, key)
            featurize.run(*{IDS, evaluated["similarity"], *content["inputs"][model]})
        seed_everything(content["seed"])  # as at the start of a process
        train.run(model)
        evaluate.run(model)
        yield
        for made in (paths.MODELS, paths.EVALUATION):
            shutil.rmtree(made)
    if not parts:
        shutil.rmtree(folder)


def _read(model: str, number: int, done: dict[str, Any], tables: dict[int, pd.DataFrame]) -> None:
    """Add what `evaluate` wrote."""
    values = read_json(paths.metrics(model))
    single = {key: value for key, value in values.items() if not isinstance(value, dict)}
    done["values"][str(number)] = single
    rows = pd.read_parquet(paths.predictions(model), columns=[USER_IDX, ITEM_IDX, *_COLD])
    done["cold"][str(number)] = {
        "users": float(rows.groupby(USER_IDX)[COLD_USER].first().mean()),
        "items": float(rows.groupby(ITEM_IDX)[COLD_ITEM].first().mean()),
        "rows": float(rows[_COLD].any(axis=1).mean()),
    }
    tables[number] = pd.read_parquet(paths.per_user(model)).assign(**{REPEAT: number})


def _write(model: str, done: dict[str, Any], tables: Mapping[int, pd.DataFrame]) -> None:
    """The tables first: a record never tells of rows that are not there."""
    values = {number: done["values"][number] for number in sorted(done["values"], key=int)}
    frame = pd.DataFrame.from_dict(values, orient="index", dtype=float).dropna(axis=1)
    if tables:
        with atomic(paths.repeats_per_user(model)) as file:
            pd.concat([tables[number] for number in sorted(tables)]).to_parquet(file, index=False)
    else:
        paths.repeats_per_user(model).unlink(missing_ok=True)
    spread = frame.std(ddof=1) if len(frame) > 1 else frame.iloc[:0].std()
    summary = {"mean": frame.mean().to_dict(), "deviation": spread.dropna().to_dict()}
    write_json(paths.repeats(model), done | summary)
