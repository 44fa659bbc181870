"""What this machine has, memory that a process may take; and what a process uses: CPU, energy."""

import os
import time
from pathlib import Path

import psutil

# of control groups, version 2 and 1: the limit that a container has been given
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """Memory of the machine or, if that is less, of the container that this process runs in."""
    texts = [Path(file).read_text().strip() for file in _LIMITS if Path(file).is_file()]
    return min([psutil.virtual_memory().total, *(int(text) for text in texts if text.isdigit())])


def cpu_seconds() -> float:
    """CPU time of this process so far, all threads, with the child processes that have ended."""
    return time.process_time() + sum(os.times()[2:4])


class EnergyCounter:
    """Energy that the processors have used since this was made, for all processes of the machine.

    The kernel counts it per processor package (RAPL: Intel, and AMD from Zen on). A counter starts
    again from 0 at its range, which takes from 10 minutes up: ask more often than that.
    """

    def __init__(self, root: Path = Path("/sys/class/powercap")) -> None:
        zones = [file.parent for file in sorted(root.glob("intel-rapl:*/name"))]
        # other zones, of a part of a package or of the whole board, would count it twice
        self._zones = [zone for zone in zones if _read(zone / "name").startswith("package")]
        self._last = [_read(zone / "energy_uj") for zone in self._zones]
        self._microjoules = 0

    def watt_hours(self) -> float | None:
        """None where the machine has no counters, or only its administrator may read them."""
        if not all(self._last) or not self._last:
            return None
        now = [_read(zone / "energy_uj") for zone in self._zones]
        for zone, before, after in zip(self._zones, self._last, now, strict=True):
            gone = int(after) - int(before)
            gone += int(_read(zone / "max_energy_range_uj")) if gone < 0 else 0
            self._microjoules += gone
        self._last = now
        return self._microjoules / 3.6e9


def _read(file: Path) -> str:
    """Content of a file of the kernel's; empty where it may not be read."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
