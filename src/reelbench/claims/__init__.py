"""What published figures are worth: faults of a protocol, and of a score that is too good.

Both are judged by what each fault changed alone in our own measurements, which are data of the
package: an installed command reads them without a checkout.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).parent
MEASURED = FOLDER / "measured.csv"
#: the metric without (`honest`) and with the fault (`value`), each with its 95 % interval; without
#: a fault only the honest figure was measured. `commit` is that of the code
COLUMNS = (
    *("data", "model", "metric", "fault", "honest", "honest_low", "honest_high"),
    *("value", "difference", "low", "high", "commit"),
)
Row = dict[str, Any]


@cache
def measured() -> tuple[Row, ...]:
    """Every measurement by `COLUMNS`, None where there is no value."""
    table = pd.read_csv(MEASURED).astype(object)
    rows = table.where(table.notna(), None).itertuples(index=False)
    return tuple(dict(zip(COLUMNS, row, strict=True)) for row in rows)
