"""Import of myfm 0.4.0, the last release for Python 3.11."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def load_myfm() -> Any:
    """The module myfm.

    Its first line imports two names of `pkg_resources` that it never uses, and setuptools 82 has
    removed that package; where it is gone, an empty one stands in for it during the import.
    """
    try:
        import pkg_resources  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ModuleNotFoundError:
        return _import_beside_a_stand_in()
    import myfm

    return myfm


def _import_beside_a_stand_in() -> Any:
    stand_in: Any = ModuleType("pkg_resources")
    stand_in.DistributionNotFound = ImportError
    stand_in.get_distribution = None
    sys.modules["pkg_resources"] = stand_in
    try:
        import myfm
    finally:
        del sys.modules["pkg_resources"]
    return myfm
