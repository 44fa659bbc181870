"""Stage `repeat@{model}`: a model again, on every further seed, window or fold; off by default.

A repetition is a run of the other stages in a folder of its own with one parameter changed, so that
it can differ in nothing else from a run of the pipeline. `evaluate` has made the first of them.
"""

import logging
import shutil
from collections.abc import Mapping
from contextlib import chdir
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
from reelbench.splits import protocol_of
from reelbench.splits.base import Repeated
from reelbench.stages import evaluate, featurize, split, train

_LOG = logging.getLogger(__name__)

_COLD = [COLD_USER, COLD_ITEM]
# what a repetition runs beside the code in the keys of a model's inputs and evaluation
_CODE = ("data", "features", "splits", "stages/featurize.py", "stages/repeat.py", "stages/split.py")


def run(model: str) -> None:
    """Write `paths.repeats`, and `paths.repeats_per_user` where there are repetitions.

    A run that was killed goes on where it was, and repetitions whose inputs are the same are kept.
    A model that was skipped has none, nor has one whose fit depends on no seed, of seeds.
    """
    content = params.read()
    kind, own, others = _variants(model, content)
    others = {} if paths.skipped(model).is_file() else others
    folders = {number: paths.REPETITIONS / f"{kind}_{number}" for number in others}
    evaluated = read_json_if_any(paths.evaluation_inputs(model)).get("key")
    of_model = [evaluated, read_json(paths.model_inputs(model)), content["features"]]
    of_parts = [code_hash(_CODE), read_json(paths.CATALOGUE).get("data_hash"), content["seed"]]
    for number, folder in folders.items():
        key = sha256_json([*of_parts, str(others[number]["split"])])
        if kind != "seeds" and read_json_if_any(folder / "parts.json") != key:
            shutil.rmtree(folder, ignore_errors=True)
        done = folder / f"{model}.json"
        if read_json_if_any(done) != (key_of_model := sha256_json([key, *of_model])):
            _run_stages(model, folder, others[number], None if kind == "seeds" else key)
            write_json(done, key_of_model)
        _LOG.info("%s: %s: number %d of %d is done", model, kind, number, 1 + len(others))
    _write(model, {"kind": kind, "own": own}, folders | ({own: Path()} if folders else {}))


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


def _run_stages(model: str, folder: Path, content: Mapping[str, Any], parts: str | None) -> None:
    """Run the pipeline in a folder, as far as it matters; None: its parts are those of this one."""
    here = Path.cwd()
    (folder / paths.DATA).mkdir(parents=True, exist_ok=True)
    for same in (paths.CLEAN, paths.INPUTS, *(() if parts else (paths.SPLIT, paths.FEATURES))):
        (folder / same).unlink(missing_ok=True)
        (folder / same).symlink_to(here / same)
    # nobody asks for intervals of a single repetition, and they take most of the time
    evaluated = content["evaluate"] | {"bootstrap_samples": 1}
    text = yaml.safe_dump({**content, "evaluate": evaluated})
    (folder / paths.PARAMS).write_text(text, encoding="utf-8")
    with chdir(folder):
        if parts and not Path("parts.json").is_file():
            split.run()
            write_json(Path("parts.json"), parts)
        if parts:
            featurize.run(*{IDS, evaluated["similarity"], *content["inputs"][model]})
        seed_everything(content["seed"])  # as at the start of a process
        train.run(model)
        evaluate.run(model)
        shutil.rmtree(paths.model_dir(model))


def _write(model: str, record: dict[str, Any], folders: Mapping[int, Path]) -> None:
    """The folder of one model, of what `evaluate` wrote in those of the repetitions."""
    values: dict[str, dict[str, Any]] = {}
    cold, tables = {}, []
    for number, folder in sorted(folders.items()):
        found = read_json(folder / paths.metrics(model)).items()
        values[str(number)] = {key: value for key, value in found if not isinstance(value, dict)}
        rows = pd.read_parquet(folder / paths.predictions(model))
        cold[str(number)] = {
            "users": float(rows.groupby(USER_IDX)[COLD_USER].first().mean()),
            "items": float(rows.groupby(ITEM_IDX)[COLD_ITEM].first().mean()),
            "rows": float(rows[_COLD].any(axis=1).mean()),
        }
        tables.append(pd.read_parquet(folder / paths.per_user(model)).assign(**{REPEAT: number}))
    frame = pd.DataFrame.from_dict(values, orient="index", dtype=float).dropna(axis=1)
    record |= {"values": values, "cold": cold, "mean": frame.mean().to_dict()}
    with atomic(paths.repeats_dir(model)) as folder:
        folder.mkdir()
        write_json(folder / "repeats.json", record | {"deviation": frame.std(ddof=1).to_dict()})
        if tables:
            pd.concat(tables).to_parquet(folder / paths.repeats_per_user(model).name, index=False)
