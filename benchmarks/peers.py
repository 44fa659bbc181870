"""reelbench beside the libraries that a user would pick instead, on the same ratings and machine.

    python benchmarks/peers.py [--ratings 1000000 --users 6040 --items 3700] [--repeats 3]
                               [--folder .peers] [--only ease] [--write docs/benchmarks.md]

The first run makes an environment per library that does not go with ours (RecTools needs numpy 1,
LensKit brings torch) below FOLDER, and the synthetic ratings. Then the tasks of `peer_tasks.py` run
in turn, each in a process of its own, as often as `--repeats` says: load on the machine then falls
on all of them. Lists of all libraries get their nDCG from the same code. The exit status is 1 where
a limit of the table is not kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.evaluation.metrics import ranking_values

ROOT = Path(__file__).parents[1]
TASKS = Path(__file__).with_name("peer_tasks.py")
MARKS = ("<!-- peers: begin -->", "<!-- peers: end -->")
#: packages of the environments besides our own; torch is the release with a build for processors
ENVIRONMENTS = {
    "lenskit": ["lenskit==2025.8.1", "torch==2.13.0"],
    "rectools": ["RecTools==0.19.0"],
    "polars": ["polars==2.1.0", "pandas==3.1.1", "numpy==2.4.6"],
}
OWN_ENVIRONMENT = "own"
VERSIONS = {
    "lenskit": ["lenskit", "numpy"],
    "rectools": ["RecTools", "numpy"],
    "polars": ["polars", "pandas"],
    OWN_ENVIRONMENT: ["scikit-surprise", "implicit", "ranx", "ir-measures", "numpy"],
}
#: of nDCG@10 between libraries with the same mathematics; they differ in seeds and ties
NDCG_TOLERANCE = 0.01


@dataclass(frozen=True)
class Pair:
    """Two tasks and what is compared of them: the figure of ours and that of the peer.

    Attributes:
        least: smallest ratio of the peer's time to ours that is wanted.
        same: whether both compute the same thing, so that their accuracy has to agree.
    """

    what: str
    ours: tuple[str, str]
    peer: tuple[str, str]
    least: float
    same: bool = False


PAIRS = [
    Pair(
        "top 10 and metrics: EASE",
        ("reelbench ease", "evaluate"),
        ("rectools ease", "evaluate"),
        2.0,
    ),
    Pair(
        "metrics of ready lists",
        ("reelbench metrics", "metrics"),
        ("ranx metrics", "metrics"),
        10.0,
    ),
    Pair(
        "metrics of ready lists",
        ("reelbench metrics", "metrics"),
        ("ir-measures metrics", "metrics"),
        1.0,
    ),
    Pair(
        "top 10 of all users: SVD",
        ("reelbench svd", "recommend"),
        ("surprise SVD, anti-testset", "recommend"),
        100.0,
    ),
    Pair("EASE, fit", ("reelbench ease", "fit"), ("lenskit ease", "fit"), 1.0, True),
    Pair("EASE, top 10", ("reelbench ease", "recommend"), ("lenskit ease", "recommend"), 1.0, True),
    Pair("EASE, fit", ("reelbench ease", "fit"), ("rectools ease", "fit"), 1.0),
    Pair("iALS, fit", ("reelbench ials", "fit"), ("lenskit ials", "fit"), 1.0, True),
    Pair("iALS, top 10", ("reelbench ials", "recommend"), ("lenskit ials", "recommend"), 1.0, True),
    Pair("iALS, fit of one bag", ("reelbench ials", "fit"), ("implicit als", "fit"), 1.0, True),
    Pair("BPR, fit", ("reelbench bpr", "fit"), ("implicit bpr", "fit"), 1.0),
    Pair("item neighbours, fit", ("reelbench knn_item", "fit"), ("lenskit knn_item", "fit"), 1.0),
    Pair(
        "item neighbours, top 10",
        ("reelbench knn_item", "recommend"),
        ("lenskit knn_item", "recommend"),
        1.0,
    ),
    Pair(
        "item neighbours, fit",
        ("reelbench knn_item, test ratings", "fit"),
        ("surprise KNNBaseline, test ratings", "fit"),
        1.0,
    ),
    Pair(
        "item neighbours, test ratings",
        ("reelbench knn_item, test ratings", "predict"),
        ("surprise KNNBaseline, test ratings", "predict"),
        1.0,
    ),
    Pair("split by time", ("reelbench split", "split"), ("polars split", "split"), 1.0, True),
    Pair("split by time", ("reelbench split", "split"), ("pandas split", "split"), 1.0, True),
]

Runs = dict[str, list[dict[str, Any]]]


def main() -> int:
    """Print the table; 0 if every limit was kept."""
    options = _options()
    folder = options.folder.resolve()
    pairs = [p for p in PAIRS if not options.only or options.only in f"{p.ours} {p.peer}"]
    names = list(dict.fromkeys(name for p in pairs for name in (p.ours[0], p.peer[0])))
    if any("metrics" in name for name in names):
        names = list(dict.fromkeys(["reelbench ease", *names]))  # writes the lists
    environments = {environment(name): _python(folder, environment(name)) for name in names}
    _ratings(folder, options.users, options.items, options.ratings)
    runs: Runs = {name: [] for name in names}
    for repeat in range(options.repeats):
        for name in names:
            runs[name].append(_run(environments[environment(name)], name, folder))
            print(f"{repeat + 1}/{options.repeats} {name}: {runs[name][-1]}", file=sys.stderr)
    accuracy = {name: _accuracy(folder, name, runs[name]) for name in names}
    kept = [_kept(pair, runs, accuracy) for pair in pairs]
    text = _report(pairs, kept, runs, accuracy, environments, options)
    print(text)
    if options.write:
        _write(options.write, text)
    return 0 if all(kept) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=6_040)
    parser.add_argument("--items", type=int, default=3_700)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".peers")
    parser.add_argument("--only", help="pairs whose tasks have this in their names")
    parser.add_argument("--write", type=Path, help="replace the table in this page")
    return parser.parse_args()


# -- environments and data


def environment(task: str) -> str:
    """Name of the environment that a task needs."""
    first = task.split()[0]
    if first == "pandas":
        return "polars"
    return first if first in ENVIRONMENTS else OWN_ENVIRONMENT


def _python(folder: Path, name: str) -> Path:
    """Interpreter of an environment, which is made if it is missing."""
    if name == OWN_ENVIRONMENT:
        return Path(sys.executable)
    home = folder / "environments" / name
    python = home / "bin" / "python"
    if not (home / ".complete").exists():
        print(f"making the environment {name}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        install = [python, "-m", "pip", "install", "--quiet", *ENVIRONMENTS[name]]
        subprocess.run(install, check=True)
        (home / ".complete").touch()
    return python


def _ratings(folder: Path, users: int, items: int, ratings: int) -> None:
    """A project with synthetic ratings up to `split`, and the same ratings as arrays."""
    project, wanted = folder / "project", {"users": users, "items": items, "ratings": ratings}
    stamp = folder / "size.json"
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return
    (project / "data").mkdir(parents=True, exist_ok=True)
    sizes = [f"n_{key}={value}" for key, value in wanted.items()]
    shutil.copytree(ROOT / "conf", project / "conf", dirs_exist_ok=True)
    commands: list[list[str | Path]] = [
        [sys.executable, ROOT / "benchmarks" / "synthetic.py", "data/raw", *sizes],
        [Path(sys.executable).with_name("reelbench"), "params", "data=synthetic"],
        *([sys.executable, "-m", "reelbench.stages", s] for s in ("clean", "split")),
    ]
    for command in commands:
        subprocess.run(command, cwd=project, env=_environ(), check=True)
    parts = [Interactions.from_parquet(project / f"data/split/{p}.parquet") for p in _PARTS]
    train, test = Interactions.concat(*parts[:2]), parts[2]
    arrays = {
        f"{part}_{column}": values
        for part, rows in (("train", train), ("test", test))
        for column, values in zip(("user", "item", "rating"), rows.columns(), strict=False)
    }
    np.savez(folder / "ratings.npz", size=np.array([users, items]), **arrays)
    stamp.write_text(json.dumps(wanted))


_PARTS = ("train", "valid", "test")


def _environ() -> dict[str, str]:
    """Both cores for every library, and compiled modules kept."""
    cores = str(os.cpu_count() or 1)
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    own = {"PYTHONPATH": str(ROOT / "src"), **dict.fromkeys(threads, cores)}
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | own


def _run(python: Path, name: str, folder: Path) -> dict[str, Any]:
    """Figures of one run of a task."""
    done = subprocess.run(
        [python, TASKS, name, folder], env=_environ(), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


# -- figures


def _accuracy(folder: Path, name: str, runs: Sequence[dict[str, Any]]) -> str | float | None:
    """nDCG@10 of the lists, RMSE of the predictions, or the rows of a split."""
    lists = folder / "lists" / f"{name}.npy"
    if lists.exists():
        return _ndcg(folder, np.load(lists))
    if "split" in name:
        return _rows(folder, name)
    reported: float | None = runs[-1].get("rmse", runs[-1].get("ndcg_reported"))
    return reported


def _ndcg(folder: Path, lists: np.ndarray) -> float:
    with np.load(folder / "ratings.npz") as arrays:
        users, items = map(int, arrays["size"])
        columns = [arrays[f"test_{c}"] for c in ("user", "item", "rating")]
    relevant = Interactions.from_arrays(*columns).seen(users, items)
    # a user without a list counts with 0, one without a test rating not at all
    return float(np.nanmean(ranking_values(lists, relevant, (10,))["ndcg_at_10"]))


def _rows(folder: Path, name: str) -> str:
    """Hash of the rows of all parts, whatever the file's layout."""
    import hashlib

    own = folder / "project/data/split"
    home = own if name == "reelbench split" else folder / "splits" / name
    digest = hashlib.sha256()
    for part in _PARTS:
        for column in Interactions.from_parquet(home / f"{part}.parquet").columns():
            digest.update(column.tobytes())
    return digest.hexdigest()[:8]


def _seconds(runs: Runs, task: tuple[str, str]) -> list[float]:
    return sorted(run[task[1]] for run in runs[task[0]])


def _ratio(pair: Pair, runs: Runs) -> float:
    """How many times longer the peer takes, of the medians."""
    return median(_seconds(runs, pair.peer)) / median(_seconds(runs, pair.ours))


def _kept(pair: Pair, runs: Runs, accuracy: dict[str, Any]) -> bool:
    """Whether the ratio is reached, with equal accuracy where both compute the same."""
    ours, peer = accuracy[pair.ours[0]], accuracy[pair.peer[0]]
    agree = not pair.same or ours == peer
    if isinstance(ours, float) and isinstance(peer, float) and pair.same:
        agree = abs(ours - peer) <= NDCG_TOLERANCE
    return agree and _ratio(pair, runs) >= pair.least


def _report(
    pairs: Sequence[Pair],
    kept: Sequence[bool],
    runs: Runs,
    accuracy: dict[str, Any],
    environments: dict[str, Path],
    options: argparse.Namespace,
) -> str:
    head = ["What", "reelbench, s", "Peer", "Peer, s", "Ratio", "Goal", "Accuracy: ours, peer's"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for pair, met in zip(pairs, kept, strict=True):
        cells = [
            pair.what,
            _span(_seconds(runs, pair.ours)),
            pair.peer[0],
            _span(_seconds(runs, pair.peer)),
            f"{_ratio(pair, runs):.2f}",
            f"≥ {pair.least:g}, {'met' if met else '**missed**'}",
            ", ".join(map(_value, (accuracy[pair.ours[0]], accuracy[pair.peer[0]]))),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    versions = {name: _versions(python, VERSIONS[name]) for name, python in environments.items()}
    lines += [
        "",
        f"{options.ratings:,} synthetic ratings, {options.users:,} users, "
        f"{options.items:,} movies; "
        f"{options.repeats} interleaved runs: median (smallest-largest) in seconds of wall-clock "
        f"time on {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}.",
        "",
        *(f"- {name}: {', '.join(found)}" for name, found in versions.items()),
    ]
    return "\n".join(lines) + "\n"


def _span(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.3g} ({seconds[0]:.3g}-{seconds[-1]:.3g})"


def _value(found: object) -> str:
    if isinstance(found, float):
        return f"{found:.4f}"
    return "-" if found is None else str(found)


def _versions(python: Path, packages: Sequence[str]) -> list[str]:
    code = "import sys, importlib.metadata as m\nfor p in sys.argv[1:]: print(p, m.version(p))"
    done = subprocess.run([python, "-c", code, *packages], capture_output=True, text=True)
    return done.stdout.splitlines()


def _write(page: Path, text: str) -> None:
    begin, end = map(re.escape, MARKS)
    content = page.read_text(encoding="utf-8")
    block = f"{MARKS[0]}\n\n{text}\n{MARKS[1]}"
    page.write_text(
        re.sub(f"{begin}.*{end}", lambda _: block, content, flags=re.S), encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main())
