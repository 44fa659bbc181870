"""Stage `train@{model}`: fit one model, keep its folder, loss curves, layers and what it cost."""

import csv
import logging
import platform
import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from reelbench import params, paths
from reelbench.costs import energy_of
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.files import atomic, read_json, size_bytes, write_json
from reelbench.machine import EnergyCounter, cpu_seconds
from reelbench.models.base import ModelEntry
from reelbench.seeds import seed_for

_LOG = logging.getLogger(__name__)

CURVE_COLUMNS = ("epoch", "train_loss", "valid_loss")


def run(model: str) -> None:
    """Train one model on train, or write why the budget has no room; test is never opened."""
    common = params.read()
    entry = params.load(f"models.{model}", ModelEntry)
    inputs = read_json(paths.model_inputs(model))
    if reason := inputs.get("skipped"):
        _LOG.info("%s: skipped: %s", model, reason)
        with atomic(paths.model_dir(model)) as folder:
            folder.mkdir()
            write_json(folder / paths.skipped(model).name, {"reason": reason})
        write_json(paths.train_cost(model), {})
        return
    seed = seed_of(model, entry, common["seed"])
    recommender = entry.create(model, seed=seed, threads=common["threads"])
    train, valid = (Interactions.from_parquet(part) for part in (paths.TRAIN, paths.VALID))
    features = Features.read(entry.features)
    _LOG.info("%s: training on %d ratings", model, len(train))
    recommender.prepare()
    start = time.perf_counter()
    with Monitor() as monitor:
        recommender.fit(train, valid, features)
    seconds = time.perf_counter() - start
    _LOG.info("%s: trained in %.1f s", model, seconds)
    # the content hash of the folder stands for data, parameters and weights together
    with atomic(paths.model_dir(model)) as folder:
        recommender.save(folder)
        # of code only the result counts
        data = {key: value for key, value in inputs.items() if key != "code"}
        write_json(folder / "inputs.json", data)
        _write_curves(recommender.history, folder / paths.curves(model).name)
        write_json(folder / paths.layers(model).name, recommender.layers())
    _write_cost(model, seconds, common["threads"], monitor)


def seed_of(model: str, entry: ModelEntry, root: int) -> int:
    """Seed of a model's training, from the root seed of the parameters."""
    return seed_for(root, "models", entry.seed_of or model) if entry.seed is None else entry.seed


def _write_curves(history: Sequence[Mapping[str, float]], file: Path) -> None:
    """A row per epoch; the header alone for a model without epochs, an empty cell for no value."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.DictWriter(stream, CURVE_COLUMNS, extrasaction="ignore", lineterminator="\n")
        rows.writeheader()
        rows.writerows(history)


def _write_cost(model: str, seconds: float, threads: int, monitor: "Monitor") -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cost = {
        "train_seconds": round(seconds, 3),
        # start of the process, reading and writing included
        "stage_seconds": round(time.time() - psutil.Process().create_time(), 3),
        # of this process, libraries and data included; Linux counts in KiB, macOS in bytes
        "peak_memory_bytes": peak if sys.platform == "darwin" else peak * 1024,
        "model_bytes": size_bytes(paths.model_dir(model)),
        "cpu_seconds": round(monitor.cpu_seconds, 3),
        "machine": _machine(threads),
        "system": monitor.samples,
    }
    if monitor.watt_hours is not None:
        cost |= {"energy_wh": round(monitor.watt_hours, 6), "energy_source": "measured"}
    # an estimate is made anew by the report, so that another wattage trains nothing again
    write_json(paths.train_cost(model), cost | energy_of(cost))


def _machine(threads: int) -> dict[str, Any]:
    file = Path("/proc/cpuinfo")  # of Linux; its first block is that of the first processor
    text = file.read_text(encoding="utf-8").split("\n\n")[0] if file.is_file() else ""
    pairs = (line.partition(":") for line in text.splitlines())
    cpu = {key.strip(): value.strip() for key, _, value in pairs}
    flags = set(cpu.get("flags", "").split())
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "vector_units": [unit for unit in ("avx", "avx2", "avx512f") if unit in flags],
        "python": platform.python_version(),
        "threads": threads,
    }


class Monitor:
    """Context in which this process is watched, by a thread that does nothing else.

    Attributes:
        samples: of each `seconds` since the start, `cpu_percent` of one core (two busy ones are
            200) since the sample before, and `resident_megabytes`. The first is taken at the start
            and has no cpu yet; what ends sooner than the period has that one alone.
        cpu_seconds: of all threads, and child processes that have ended, within the context.
        watt_hours: of the processors, other processes included; None where that is not counted.
    """

    cpu_seconds = 0.0
    watt_hours: float | None = None

    def __init__(self, period: float = 1.0) -> None:  # seconds between two samples
        self.samples: list[dict[str, float]] = []
        self._period = period
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._start, self._cpu, self._energy = time.perf_counter(), cpu_seconds(), EnergyCounter()
        self._process.cpu_percent()  # what it says the first time has no meaning
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.cpu_seconds = cpu_seconds() - self._cpu
        self._over.set()
        self._thread.join()
        self.watt_hours = self._energy.watt_hours()

    def _watch(self) -> None:
        while not self._over.wait(self._period):
            self._sample(cpu_percent=self._process.cpu_percent())

    def _sample(self, **more: Any) -> None:
        self._energy.watt_hours()  # often enough for a counter that starts again
        found = {
            "seconds": time.perf_counter() - self._start,
            "resident_megabytes": self._process.memory_info().rss / 1_000_000,
            **more,
        }
        self.samples.append({key: round(value, 1) for key, value in found.items()})
