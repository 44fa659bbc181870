"""What every stage and model costs: coefficients for `reelbench plan`, and which models are quick.

    python benchmarks/cost.py measure [--folder FOLDER] [--sizes NAME...] [--models NAME...]
    python benchmarks/cost.py fit [--folder FOLDER]
    python benchmarks/cost.py check PROJECT
    python benchmarks/cost.py worth [--folder FOLDER]

`measure` runs the stages on data of several sizes and shapes, every one in a process of its own,
and adds what they took to FOLDER/runs.jsonl: it can be done in parts, and a later run of the same
stage counts in place of an earlier one. The machine has to be idle otherwise. `fit` finds the
non-negative coefficients with the least relative errors and writes them to
src/reelbench/costs/coefficients.json. `check` compares predictions for a project with the costs
that its last run measured. `worth` evaluates on valid the models that `measure` trained on
MovieLens 100K: conf/models/quick.yaml was chosen by it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml
from scipy.optimize import nnls

from reelbench import params, paths
from reelbench.compose import compose
from reelbench.costs import plan, predict
from reelbench.costs.predict import Cost, Sizes
from reelbench.data.interactions import Interactions, Parts
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.evaluate import evaluate
from reelbench.files import read_json, size_bytes, write_json
from reelbench.machine import memory_bytes
from reelbench.models.base import ModelEntry, Recommender
from reelbench.seeds import pin_runtime, seed_everything

ROOT = Path(__file__).parents[1]
#: where the relative error of a few runs is smaller, it is luck
LEAST_ERROR = 0.1
#: with fewer runs a model has the terms of its class, times one factor
FEWEST_RUNS = 4


@dataclass(frozen=True)
class Size:
    """Data of one size, and what is left out or shortened there to save time."""

    made: tuple[str, ...] = ()  # settings of `synthetic.py`; of MovieLens 100K without
    shorter: Mapping[str, int] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    text: bool = True


def synthetic(ratings: int, users: int, items: int) -> tuple[str, ...]:
    """Settings of made-up data."""
    return (f"n_ratings={ratings}", f"n_users={users}", f"n_items={items}")


#: seconds are linear in epochs, so that a few are enough
FEW = {
    f"{name}.epochs": n
    for name, n in {"svd": 20, "svdpp": 5, "nmf": 20, "bpr": 20, "ials": 5}.items()
}
FEW["fm.iterations"] = 20
#: models whose cost depends on more than the number of ratings
SHAPED = (
    "popularity",
    "bias",
    "knn_user",
    "knn_item",
    "slope_one",
    "svds",
    "svd",
    "dnn",
    "content",
)
SHAPED += ("ease", "ials", "bpr", "fm", "st_genres")
#: models that are measured on 20 million ratings, in half an hour
LARGE = ("popularity", "global_mean", "item_mean", "weighted_mean", "bias")
LARGE += ("svds", "ials", "bpr", "knn_item")
SIZES = {
    "20k": Size(synthetic(20_000, 500, 800)),
    "100k": Size(),
    "tall": Size(synthetic(300_000, 12_000, 1_500), FEW, only=SHAPED, text=False),
    "wide": Size(synthetic(300_000, 1_500, 9_000), FEW, only=SHAPED, text=False),
    "square": Size(
        synthetic(300_000, 9_000, 9_000), FEW, only=("popularity", "knn_item", "ease"), text=False
    ),
    "1m": Size(synthetic(1_000_000, 6_040, 3_700), FEW, text=False),
    "20m": Size(synthetic(20_000_000, 138_493, 26_744), only=LARGE, text=False),
}
TEXT_BLOCKS = ("text", "text_overview", "text_keywords")


def main() -> int:
    """Run the command that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "command", choices=("measure", "fit", "check", "worth", "train", "evaluate", "features")
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "reelbench-cost"
    )
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--models", nargs="+")
    arguments = parser.parse_args()
    if arguments.command == "train":
        run_train(*arguments.names)
    elif arguments.command == "evaluate":
        run_evaluate(*arguments.names)
    elif arguments.command == "features":
        run_features(*arguments.names)
    elif arguments.command == "measure":
        for name in arguments.sizes:
            measure(name, SIZES[name], arguments.folder.resolve(), arguments.models)
    elif arguments.command == "fit":
        write_coefficients(fitted(read_runs(arguments.folder)))
    elif arguments.command == "check":
        check(Path(*arguments.names).resolve())
    else:
        worth(arguments.folder.resolve())
    return 0


# -- measuring


def measure(name: str, size: Size, folder: Path, models: Sequence[str] | None) -> None:
    """Run every stage for data of one size, or only some models, and note what they took."""
    project = folder / name
    project.mkdir(parents=True, exist_ok=True)
    content = write_params(project, size)
    os.chdir(project)
    with (folder / "runs.jsonl").open("a", encoding="utf-8") as runs:

        def note(kind: str, stage: str, cost: Mapping[str, float], **more: Any) -> None:
            line = {"size": name, "kind": kind, "name": stage, "sizes": vars(Sizes.of_split())}
            print(json.dumps(line | dict(cost) | more, default=float), file=runs, flush=True)
            print(name, kind, stage, *(f"{key} {value:.4g}" for key, value in cost.items()))

        if models is None:
            first = {stage: run_stage(stage) for stage in ("download", "clean", "split")}
            blocks, whole = run_child("features", *content["features"])
            first |= {"featurize": whole, "inputs": run_stage("inputs")}
            for stage, cost in first.items():
                note(stage, "", cost)
            for block, cost in blocks.items():
                note("featurize", block, cost)
        chosen = models or list(content["models"])
        for model in (m for m in chosen if m in content["models"]):
            entry = content["models"][model]
            for made in (paths.evaluation_dir(model), paths.model_dir(model)):
                shutil.rmtree(made, ignore_errors=True)
            for kind in ("train", "evaluate"):
                note(kind, model, run_child(kind, model)[0][kind], entry=entry)
        if models is None:
            evaluation, report = run_stage("evaluate", "popularity"), run_stage("report")
            note("evaluate", "", evaluation)
            note("report", "", report, models=len(content["models"]))
            if name == "20k":
                cost, stages = dvc_seconds(folder)
                note("dvc", "", cost, stages=stages)


def write_params(project: Path, size: Size) -> dict[str, Any]:
    """params.yaml of a project with the models that are measured there."""
    os.chdir(ROOT)
    data = ["data=ml-100k"]
    if size.made:
        program = [sys.executable, str(Path(__file__).with_name("synthetic.py"))]
        subprocess.run([*program, str(project / "files"), *size.made], check=True)
        data = ["data=synthetic", f"data.root={project / 'files'}"]
    whole = compose(project / "params.yaml", [*data, "tracking=none"])
    models = [m for m in size.only or whole["models"] if m not in size.without]
    if not size.text:
        models = [m for m in models if not set(TEXT_BLOCKS) & set(whole["inputs"][m])]
    blocks = [b for b in whole["features"] if size.text or b not in TEXT_BLOCKS]
    shorter = [f"models.{k}={n}" for k, n in size.shorter.items() if k.split(".")[0] in models]
    chosen = [f"models=[{','.join(models)}]", f"features=[{','.join(blocks)}]"]
    similarity = "text" if size.text else "ids"
    overrides = [*data, *chosen, *shorter, f"evaluate.similarity={similarity}"]
    content = compose(project / "params.yaml", [*overrides, "tracking=none"])
    shutil.copytree(ROOT / "conf", project / "conf", dirs_exist_ok=True)
    (project / "data" / "tuning").mkdir(parents=True, exist_ok=True)
    return content


def run_stage(stage: str, name: str = "") -> dict[str, float]:
    """Seconds, memory and bytes on disk of a stage in the working directory."""
    where = {
        "download": paths.RAW,
        "clean": paths.CLEAN,
        "split": paths.SPLIT,
        "inputs": paths.INPUTS,
        "report": paths.REPORTS,
    }.get(stage, paths.COSTS)
    cost = run([sys.executable, "-m", "reelbench.stages", stage, *([name] if name else [])])
    return cost | {"disk": size_bytes(where)}


def run_child(command: str, *names: str) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """What parts of a process took, and what the process took beside them."""
    output = Path("child.json").resolve()
    whole = run([sys.executable, str(Path(__file__).resolve()), command, *names, str(output)])
    parts = read_json(output)
    whole["seconds"] -= sum(part["seconds"] for part in parts.values())
    return parts, whole | {"disk": 0.0}


def run_features(*arguments: str) -> None:
    """In the child: build blocks, and write down what each took."""
    from reelbench.stages import featurize

    *names, output = arguments
    shutil.rmtree(paths.FEATURES, ignore_errors=True)
    pin()
    found = {}
    for name in names:
        found[name] = timed(lambda name=name: featurize.run(name))
        found[name]["disk"] = size_bytes(paths.feature_block(name))
    write_json(Path(output), found)


def run_train(model: str, output: str) -> None:
    """In the child: train, and write down what it took since the process began."""
    from reelbench.stages import train

    pin()
    started = time.perf_counter() - time.time() + psutil.Process().create_time()
    found = timed(lambda: train.run(model), started)
    found["disk"] = size_bytes(paths.model_dir(model))
    found["epochs"] = len(paths.curves(model).read_text(encoding="utf-8").splitlines()) - 1
    write_json(Path(output), {"train": found})


def run_evaluate(model: str, output: str) -> None:
    """In the child: evaluate, and write down what the model took of it."""
    from reelbench.stages import evaluate as stage

    pin()
    found = timed(lambda: stage.run(model))
    # reading the parts is the stage's, and not the model's
    found["seconds"] = read_json(paths.evaluate_cost(model))["evaluate_seconds"]
    found["disk"] = size_bytes(paths.evaluation_dir(model))
    write_json(Path(output), {"evaluate": found})


def pin() -> None:
    """Threads and seeds as in a stage."""
    common = params.read()
    pin_runtime(common["threads"])
    seed_everything(common["seed"])


def timed(work: Callable[[], None], started: float | None = None) -> dict[str, float]:
    """Seconds and peak memory of something that this process does."""
    if started is None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again
        started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "memory": peak()}


def peak() -> int:
    """Largest resident size since the start, or since it was reset; bytes, on Linux."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(next(x for x in status.splitlines() if x.startswith("VmHWM")).split()[1])


def run(command: list[str]) -> dict[str, float]:
    """Seconds and peak memory of a process in the working directory."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed\n{output.read().decode()[-3000:]}")
    return {"seconds": time.perf_counter() - start, "memory": usage.ru_maxrss * 1024}


def dvc_seconds(folder: Path) -> tuple[dict[str, float], int]:
    """What DVC takes for the pipeline if no stage does anything, and the number of stages."""
    project = folder / "dvc"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    for stage in pipeline["stages"].values():
        work = stage.get("do", stage)
        code = [dep for dep in work["deps"] if dep.startswith("src/")]
        work |= {"cmd": "true", "deps": code, "outs": [], "metrics": []}
    write_json(project / "dvc.yaml", {**pipeline, "plots": []})
    shutil.copy("params.yaml", project)
    (project / "src").symlink_to(ROOT / "src")
    os.chdir(project)
    dvc = [sys.executable, "-m", "dvc"]
    run([*dvc, "init", "--no-scm", "--quiet"])
    cost = run([*dvc, "repro"])
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    return cost | {"disk": 0.0}, len(lock["stages"])


# -- fitting


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """Every run, of the same size, stage and parameters the last."""
    lines = (folder / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    found = {}
    for row in map(json.loads, lines):
        found[row["size"], row["kind"], row["name"]] = row
    return list(found.values())


def write_coefficients(content: Mapping[str, Any]) -> None:
    """Write the file of coefficients, a line for each stage or model."""
    kinds = []
    for kind, entries in sorted(content["costs"].items()):
        lines = [f"    {_json(name)}: {_json(entry)}" for name, entry in sorted(entries.items())]
        kinds.append(f"  {_json(kind)}: {{\n" + ",\n".join(lines) + "\n  }")
    costs = ",\n".join(kinds)
    text = f'{{"costs": {{\n{costs}\n}},\n"measured": {_json(content["measured"])}}}\n'
    predict.FILE.write_text(text, encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def fitted(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Content of the file of coefficients."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in runs:
        code = row["entry"]["_target_"].rpartition(".")[2] if "entry" in row else ""
        groups[row["kind"], row["name"], code].append(row)
        if code:
            groups[row["kind"], code, code].append(row)
        if row["kind"] == "inputs":  # a training that is skipped starts the same process
            groups["skip", "", ""].append(row)
    costs: dict[str, Any] = defaultdict(dict)
    shown = {"measured": measured(runs), "costs": costs}
    # classes before their models; a blend last, on what is predicted for its members
    order = sorted(groups.items(), key=lambda g: (g[0][2] == "Blend", g[0][1] != g[0][2]))
    for (kind, name, code), rows in order:
        write_coefficients(shown)
        predict.coefficients.cache_clear()
        few = name != code and len(rows) < FEWEST_RUNS
        found = of_model(kind, costs[kind][code], rows) if few else of_group(kind, code, rows)
        largest = max(row["sizes"]["all_ratings"] for row in rows)
        costs[kind][name] = {"code": code, "ratings": largest} | found
    return shown


def measured(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the coefficients were measured on."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((x.split(":")[1].strip() for x in cpu.splitlines() if "model name" in x), "")
    return {
        "runs": len(runs),
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "python": platform.python_version(),
        "sample_seconds": min(predict.sample_seconds() for _ in range(10)),
    }


def of_group(kind: str, code: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Coefficients of one stage or model, the least relative errors, none of them negative."""
    stated = params.read(predict.FILE.with_name("terms.yaml"))
    wanted = (stated[kind] if code else stated["stages"])[code or kind]
    found: dict[str, Any] = {}
    if code == "Network":
        found |= typical_epochs(rows)
    for quantity in predict.QUANTITIES:
        names = list(wanted[quantity])
        values = [
            [predict.amount(t, row_values(row, kind, quantity)) for t in names] for row in rows
        ]
        target = np.array([max(row[quantity], 1e-9) for row in rows])
        relative = np.array(values) / target[:, None]
        scale = relative.max(axis=0)
        scale[scale == 0] = 1.0
        numbers = nnls(relative / scale, np.ones(len(rows)))[0] / scale
        off = np.log(np.maximum(relative @ numbers, 1e-3))
        error = float(np.expm1(np.sqrt((off**2).mean())))
        found[quantity] = {
            "terms": {t: float(f"{n:.4g}") for t, n in zip(names, numbers, strict=True) if n},
            "error": round(max(LEAST_ERROR, error), 3),
            "runs": len(rows),
        }
    return found


def of_model(
    kind: str, of_class: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Coefficients of its class for a model with few runs, times what it differs by in these."""
    found: dict[str, Any] = typical_epochs(rows) if "epochs" in of_class else {}
    for quantity in predict.QUANTITIES:
        fitted = of_class[quantity]
        ratios = []
        for row in rows:
            values = row_values(row, kind, quantity)
            predicted = sum(c * predict.amount(t, values) for t, c in fitted["terms"].items())
            ratios.append(max(row[quantity], 1e-9) / max(predicted, 1e-9))
        factor = float(np.exp(np.mean(np.log(ratios))))
        scaled = {term: float(f"{c * factor:.4g}") for term, c in fitted["terms"].items()}
        found[quantity] = {"terms": scaled, "error": fitted["error"], "runs": len(rows)}
    return found


def typical_epochs(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The most epochs after which a training stopped early, by whether its batches had grown."""
    found: dict[str, int] = {}
    for row in rows:
        if 0 < row.get("epochs", 0) < configured(row):
            key = predict.epochs_key(row_values(row, "train", "seconds"))
            found[key] = max(found.get(key, 0), row["epochs"])
    return found


def configured(row: Mapping[str, Any]) -> float:
    """Epochs that a model was asked for."""
    entry = ModelEntry.model_validate(row["entry"])
    return getattr(entry.model_class.Config.model_validate(entry.parameters), "epochs", 0)


def row_values(row: Mapping[str, Any], kind: str, quantity: str) -> dict[str, float]:
    """What the terms of a run may name."""
    sizes = Sizes(**row["sizes"])
    counts = {key: row[key] for key in ("models", "stages") if key in row}
    if "entry" not in row:
        return sizes.values() | counts
    entry = ModelEntry.model_validate(row["entry"])
    config = entry.model_class.Config.model_validate(entry.parameters)
    members = [c for c in predict.members_cost(kind, config, sizes) if c is not None]
    values = predict.values_of(config, sizes)
    values["members"] = predict.together(quantity, members)
    if row.get("epochs") and row["entry"]["_target_"].endswith(".Network"):
        values["epochs"] = row["epochs"]
    return values


# -- what the figures are for


def check(project: Path) -> None:
    """Predicted and measured seconds and memory of the last run of a project."""
    os.chdir(project)
    predicted = {s.name: s.cost for s in plan.make(params.read(), Sizes.of_split()).steps}
    print(f"{'model':<16} {'predicted':>10} {'measured':>10} {'ratio':>6}   MB {'ratio':>6}")
    ratios = []
    for file in sorted(paths.TRAIN_COSTS.glob("*.json")):
        train, evaluation = read_json(file), paths.evaluate_cost(file.stem)
        costs = [predicted.get(f"{kind}@{file.stem}") for kind in ("train", "evaluate")]
        if None in costs or not train or not evaluation.is_file():
            continue
        taken = train["stage_seconds"] + read_json(evaluation)["evaluate_seconds"]
        both = Cost.total([c for c in costs if c is not None]).seconds.value
        memory = costs[0].memory.value / train["peak_memory_bytes"]  # type: ignore[union-attr]
        ratios.append(both / taken)
        peak_megabytes = train["peak_memory_bytes"] / 1e6
        print(f"{file.stem:<16} {both:10.1f} {taken:10.1f} {both / taken:6.2f} ", end="")
        print(f"{peak_megabytes:6.0f} {memory:6.2f}")
    near = sum(0.5 <= ratio <= 2 for ratio in ratios)
    print(f"within a factor of 2: {near} of {len(ratios)}")


def worth(folder: Path) -> None:
    """RMSE and nDCG on valid, and seconds, of every model that was trained on MovieLens 100K."""
    os.chdir(folder / "100k")
    config = params.load("evaluate", EvaluateConfig)
    train, valid = (Interactions.from_parquet(part) for part in (paths.TRAIN, paths.VALID))
    parts = Parts(train, Interactions.empty(), valid)
    seconds: dict[str, float] = defaultdict(float)
    for row in read_runs(folder):
        if row["size"] == "100k" and "entry" in row:
            seconds[row["name"]] += row["seconds"]
    rows = []
    for model in seconds:
        found = evaluate(Recommender.load(paths.model_dir(model)), parts, config).metrics
        rows.append((seconds[model], model, found.get("rmse"), found["ndcg_at_10"]))
    print("| model | seconds | RMSE | nDCG@10 |\n| --- | ---: | ---: | ---: |")
    for taken, model, rmse, ndcg in sorted(rows):
        print(f"| {model} | {taken:.1f} | {'—' if rmse is None else f'{rmse:.4f}'} | {ndcg:.4f} |")


if __name__ == "__main__":
    sys.exit(main())
