"""Where the checkout is, and what lies beside it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: data sets that are not fetched from a registry, a folder each
SHARED = Path(os.environ.get("REELBENCH_SHARED_DATA", ROOT.parent / "shared" / "data"))
CONF = ROOT / "conf"
