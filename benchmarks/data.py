"""How long `clean` and `split` take for made-up ratings in CSV, beside plain pandas doing the same.

    python benchmarks/data.py [--ratings 20000000] [--folder FOLDER]

Every step is a process of its own, so that its peak memory is its own. The limits for 20 million
are 20 s for both stages and 1.5 GB in either, on two idle cores. The exit status says whether they
were kept.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reelbench.compose import compose

ROOT = Path(__file__).parents[1]
MAX_SECONDS, MAX_GB = 20.0, 1.5
#: of MovieLens 20M
RATINGS_PER_USER, MOVIES = 144, 26_744


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds and peak resident memory in GB of one process."""

    seconds: float
    gigabytes: float


def main() -> int:
    """Print the table; 0 if the limits were kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ratings", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path, help="keep the files here, and reuse data/raw")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        write_params(folder)
        stage = [sys.executable, "-m", "reelbench.stages"]
        if not (folder / "data" / "raw").exists():
            show("make the files", measure(files(arguments.ratings), folder))
        ours = [measure([*stage, name], folder) for name in ("clean", "split")]
        show("clean", ours[0])
        show("split", ours[1])
        plain = measure([sys.executable, str(Path(__file__).with_name("plain_pandas.py"))], folder)
    total = Cost(sum(cost.seconds for cost in ours), max(cost.gigabytes for cost in ours))
    show("clean and split", total)
    show("plain pandas", plain)
    kept = total.seconds <= MAX_SECONDS and total.gigabytes <= MAX_GB
    print(f"limits {MAX_SECONDS:.0f} s, {MAX_GB} GB: {'kept' if kept else 'NOT KEPT'}")
    return 0 if kept else 1


def write_params(folder: Path) -> None:
    """params.yaml of the project as committed, with generated data."""
    os.chdir(ROOT)
    # what comes after the split plays no part
    chosen = ["models=[popularity]", "features=[ids]", "evaluate.similarity=ids"]
    compose(folder / "params.yaml", ["data=synthetic", "split=temporal_user", *chosen])


def files(n_ratings: int) -> list[str]:
    """The command that makes the data, in CSV and of the size asked for."""
    sizes = {
        "n_ratings": n_ratings,
        "n_users": max(n_ratings // RATINGS_PER_USER, 1),
        "n_items": MOVIES,
        "n_tags": n_ratings // 43,
        "ratings_file": "ratings.csv",
    }
    program = str(Path(__file__).with_name("synthetic.py"))
    made_of = [f"{key}={value}" for key, value in sizes.items()]
    return [sys.executable, program, "data/raw", *made_of]


def measure(command: list[str], folder: Path) -> Cost:
    """Run a process in the folder and wait for it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed in {folder}")
    # kilobytes on Linux, bytes on macOS
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - start, usage.ru_maxrss * unit / 1e9)


def show(name: str, cost: Cost) -> None:
    """One line of the table."""
    print(f"{name:<16} {cost.seconds:8.1f} s {cost.gigabytes:6.2f} GB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
