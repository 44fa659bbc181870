"""`reelbench run`: from a data set to a verdict, leaderboard and page, in one command."""

import filecmp
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from reelbench import params, paths
from reelbench.columns import USER_IDX
from reelbench.compose import compose
from reelbench.costs import plan
from reelbench.evaluation.metrics import find
from reelbench.features.block import IDS
from reelbench.files import read_json, read_json_if_any
from reelbench.reporting.tables import number

_OF_ANSWERS = ("cast", "directors", "genres", "tags")  # what answers read, whatever models do
# columns of the leaderboard that a terminal has room for
_SHOWN = ("rmse", "mae", r"ndcg_at_\d+", r"recall_at_\d+", r"coverage_at_\d+")
# what nobody can act on: DVC's of folders without a file, and TensorFlow's of its own start
_NEEDLESS = re.compile(r"is empty\.$|absl::InitializeLog")
_ENOUGH = 3  # ratings of a user for which train, valid and test have one each


class RunError(ValueError):
    """A stage that failed; the message is the stage's own."""


def choices(name: str, quick: bool, overrides: Sequence[str]) -> list[str]:
    """Hydra overrides for a data set, or a ParamsError; those of the user replace ours.

    With `quick`, models are those of conf/models/quick.yaml, and blocks what they and answers read.
    """
    if name not in (known := params.presets("data", paths.CONF)):
        hint = params.nearest(name, known)
        raise params.ParamsError(f"no data set '{name}': `reelbench init` describes one{hint}")
    chosen = [f"data={name}"]
    if quick:
        chosen += ["models=quick", f"evaluate.similarity={IDS}"]
        read = composed(_without(chosen, overrides))["inputs"].values()
        blocks = {IDS, *_OF_ANSWERS, *(block for own in read for block in own)}
        chosen.append(f"features=[{','.join(sorted(blocks))}]")
    return _without(chosen, overrides)


def _without(chosen: Sequence[str], overrides: Sequence[str]) -> list[str]:
    own = {override.partition("=")[0] for override in overrides}
    return [one for one in chosen if one.partition("=")[0] not in own] + [*overrides]


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """The parameters that overrides give, without writing `params.yaml`."""
    with TemporaryDirectory() as folder:
        return compose(Path(folder) / "params.yaml", [*overrides])


def run(name: str | None, quick: bool, overrides: Sequence[str]) -> str:
    """Run the pipeline, or raise RunError; a sentence on the split, if that was chosen here.

    Without a name, it runs as `conf/` has it.
    """
    if name is None:
        compose(overrides=[*["models=quick"] * quick, *overrides])
        repro()
        return ""
    chosen, why = choices(name, quick, overrides), ""
    if _changed(compose(overrides=chosen)["data"]["root"]):
        repro("--force", "--single-item", "download")
    if not any(re.match("split[=.]", override) for override in overrides):
        repro("clean")
        split, why = _split()
        compose(overrides=[*chosen, f"split={split}"])
    repro()
    return why


def _changed(root: str | None) -> bool:
    """Whether a file of the user's is no longer what `data/raw` has of it: DVC does not look."""
    copies = [file for file in paths.RAW.rglob("*") if root and file.is_file()]
    own = [paths.in_checkout(Path(root or "")) / file.relative_to(paths.RAW) for file in copies]
    pairs = zip(own, copies, strict=True)
    return any(a.is_file() and not filecmp.cmp(a, b, shallow=False) for a, b in pairs)


def _split() -> tuple[str, str]:
    """The protocol that fits the ratings, and why, as a sentence."""
    users = pq.read_table(paths.INTERACTIONS, columns=[USER_IDX])[USER_IDX].to_numpy()
    counts = np.bincount(users)
    if np.median(counts[counts > 0]) < _ENOUGH:
        return "random", f"Split random: most users have fewer than {_ENOUGH} ratings."
    if not read_json(paths.CATALOGUE)["has_timestamps"]:
        return "random_by_user", "Split random_by_user: not all ratings have a time."
    return "temporal_user", "Split temporal_user: test has the last ratings of each user."


def repro(*targets: str) -> None:
    """`dvc repro` with this interpreter; on stderr a line per stage, all output in `paths.LOG`.

    A stage's line has its seconds, and what the rest takes at most: stages may prove unchanged.
    """
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": search, "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}
    command, lines = [sys.executable, "-m", "dvc", "repro", *targets], [""]
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    left, stage, start = _expected(), "", time.monotonic()
    if "--single-item" in targets:
        left = {name: seconds for name, seconds in left.items() if name in targets}
    paths.LOG.parent.mkdir(exist_ok=True)

    def end_stage() -> None:
        nonlocal stage
        if stage:
            rest = _time(sum(left.values()))
            console.print(f"{stage:<28}{time.monotonic() - start:>8.1f} s{rest}")
        stage = ""

    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True
        ) as process,
        paths.LOG.open("w", encoding="utf-8") as log,
        Progress(*columns, console=console, transient=True) as bar,
    ):
        task = bar.add_task("dvc repro", total=None)
        for line in process.stdout or ():
            lines.append(line.rstrip())
            log.write(line)
            begun = re.match(r"Running stage '(.+)'", line)
            if begun or re.match(r"Stage '.+' (didn't change|is cached)", line):
                end_stage()
                left.pop(line.split("'")[1], None)
            if begun:
                stage, start = begun[1], time.monotonic()
                bar.reset(task, description=f"{stage}{_time(sum(left.values()))}")
            elif line.startswith("WARNING: ") and not _NEEDLESS.search(line):
                console.print(line.rstrip())
        if not process.wait():
            end_stage()
    if process.returncode:
        raise RunError(_failure(lines))


def _expected() -> dict[str, float]:
    """Seconds of every stage as DVC names it: those of the run before, else of the plan.

    Empty where nothing is known of the size of the data yet.
    """
    content = params.read()
    try:
        steps = plan.current(content, None, None, None).steps
    except params.ParamsError:
        return {}
    expected: dict[str, float] = {}
    for step in steps:
        name = step.name if step.name.startswith("train@") else step.name.partition("@")[0]
        seconds = step.cost.seconds.value if step.cost else 0.0
        expected[name] = expected.get(name, 0.0) + seconds
    for model in content["models"]:
        before: Mapping[str, Any] = read_json_if_any(paths.train_cost(model))
        if "stage_seconds" in before:
            expected[f"train@{model}"] = float(before["stage_seconds"])
    expected.pop("dvc", None)
    return expected


def _time(seconds: float) -> str:
    """What is left, as the end of a line; empty below a second."""
    if seconds < 1:
        return ""
    text = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    return f"   up to {text} left"


def _failure(lines: Sequence[str]) -> str:
    """What a stage said last before it ended with exit code 2; else the end of the output."""
    text = "\n".join(lines)
    end = re.search(r"^ERROR: failed to reproduce '(\w+)[^']*': .*exited with 2$", text, re.M)
    start = text.rfind(f"\n{end[1]}: ", 0, end.start()) if end else -1
    return text[start : end.start()].strip() if end and start >= 0 else "\n".join(lines[-20:])


def verdict() -> tuple[str, list[dict[str, Any]]]:
    """Which model to use, in a sentence, and the rows of the leaderboard of the last run."""
    lines = paths.LEADERBOARD_MD.read_text(encoding="utf-8").splitlines()
    board = pd.read_csv(paths.LEADERBOARD_CSV).astype(object)
    known = board.where(board.notna(), None).to_dict("records")
    rows = [{str(key): value for key, value in row.items()} for row in known]
    return next((line for line in lines if line.startswith("Use ")), ""), rows


def table(board: Sequence[Mapping[str, Any]]) -> Table:
    """Those columns of the leaderboard that a terminal has room for."""
    shown = Table("model", box=None, pad_edge=False)
    metrics = [find(k) for key in _SHOWN for k in board[0] if re.fullmatch(key, k)]
    for metric in metrics:
        shown.add_column(metric.title, justify="right", no_wrap=True)
    for row in board:
        shown.add_row(row["model"], *(number(row[m.key], m.digits) for m in metrics))
    return shown
