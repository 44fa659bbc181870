"""What a stage takes of the machine while it runs, sampled beside it."""

from __future__ import annotations

import threading
import time
from typing import Any

import psutil

#: seconds between two samples
PERIOD = 1.0
_MEGABYTE = 1_000_000


class Monitor:
    """Context in which this process is watched, by a thread that does nothing else.

    Attributes:
        samples: of each `seconds` since the start, `cpu_percent` of one core (two busy ones are
            200) since the sample before, and `resident_megabytes`. The first is taken at the start
            and has no cpu yet; what ends sooner than the period has that one alone.
    """

    def __init__(self, period: float = PERIOD) -> None:
        self.samples: list[dict[str, float]] = []
        self._period = period
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Monitor:
        self._start = time.perf_counter()
        self._process.cpu_percent()  # what it says the first time has no meaning
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._period):
            self._sample(cpu_percent=self._process.cpu_percent())

    def _sample(self, **more: Any) -> None:
        found = {
            "seconds": time.perf_counter() - self._start,
            "resident_megabytes": self._process.memory_info().rss / _MEGABYTE,
            **more,
        }
        self.samples.append({key: round(value, 1) for key, value in found.items()})
