"""A busy process is seen to be busy, and memory that it takes is seen."""

from __future__ import annotations

import time

import numpy as np
import pytest

from reelbench.stages.monitor import Monitor


def test_work_and_memory_are_seen() -> None:
    with Monitor(period=0.05) as monitor:
        kept = np.ones(20_000_000)  # 160 MB
        end = time.process_time() + 0.4
        while time.process_time() < end:
            kept.sum()
    seconds = [sample["seconds"] for sample in monitor.samples]
    assert seconds == sorted(seconds) and seconds[0] == 0.0
    assert max(sample.get("cpu_percent", 0) for sample in monitor.samples) > 0
    memory = [sample["resident_megabytes"] for sample in monitor.samples]
    assert max(memory) - memory[0] > 100


def test_it_ends_at_once_and_with_an_error_too() -> None:
    with pytest.raises(KeyError), Monitor(period=60) as monitor:
        raise KeyError
    assert not monitor._thread.is_alive()
    assert len(monitor.samples) == 1 and "cpu_percent" not in monitor.samples[0]
