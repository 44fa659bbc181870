"""What this machine has: memory that a process may take."""

from pathlib import Path

import psutil

# of control groups, version 2 and 1: the limit that a container has been given
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """Memory of the machine or, if that is less, of the container that this process runs in."""
    return min([psutil.virtual_memory().total, *_container_limits()])


def free_memory_bytes() -> int:
    """Memory that can be used now without swapping; at most `memory_bytes()`."""
    return min(psutil.virtual_memory().available, memory_bytes())


def _container_limits() -> list[int]:
    texts = [Path(file).read_text().strip() for file in _LIMITS if Path(file).is_file()]
    return [int(text) for text in texts if text.isdigit()]
