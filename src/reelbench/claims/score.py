"""Which measured faults can produce a score that is too good for an honest model."""

from __future__ import annotations

from typing import Any

from reelbench import faults
from reelbench.claims import measured
from reelbench.evaluation.metrics import find
from reelbench.params import ParamsError

#: a figure is close to a score if it is worse by at most this share of it
CLOSE = 0.05


def explain(data: str, key: str, text: str) -> dict[str, Any]:
    """Compare a score with every measurement of its metric on this data set.

    Returns:
        `data`, `title` of the metric and `score`; `best`, the row of the best honest figure, how
        far the score is `ahead` of it, and whether it is `honest`: not beyond its 95 % interval;
        the rows with a fault alone that are `as_good`, the closest first, and not quite (`close`);
        faults measured in this metric `elsewhere` only, and those `unmeasured` in any.

    Raises:
        ParamsError: nothing was measured on this data set, or not this metric; or no number.
        UnknownMetricError: no metric has this key.
    """
    metric = find(key)
    try:
        score = float(text)
    except ValueError:
        raise ParamsError(f"{metric.title} is a number, not '{text}'") from None
    rows = [row for row in measured() if row["metric"] == key]
    here = [row for row in rows if row["data"] == data]
    if not here:
        what, unknown = ("data", data) if rows else ("metric", key)
        known = ", ".join(sorted({row[what] for row in measured()}))
        raise ParamsError(f"{unknown} was not measured, but {known}")
    top = metric.extreme(row["honest"] for row in here)
    best = next(row for row in here if row["honest"] == top)
    ends = [best[end] for end in ("honest", "honest_low", "honest_high") if best[end] is not None]
    # a figure that is worse than the honest one explains nothing
    faulty = [r for r in here if r["fault"] and metric.loss(r["value"], r["honest"]) > 0]
    behind = [(metric.loss(score, row["value"]), row) for row in faulty]
    behind.sort(key=lambda found: abs(found[0]))
    named = {row["fault"] for row in rows if row["fault"]}
    return {
        "data": data,
        "title": metric.title,
        "score": score,
        "best": best,
        "ahead": metric.loss(score, top),
        "honest": metric.loss(score, metric.extreme(ends)) <= 0,
        "as_good": [row for loss, row in behind if loss <= 0],
        "close": [row for loss, row in behind if 0 < loss <= CLOSE * abs(score)],
        "elsewhere": sorted(named - {row["fault"] for row in here}),
        "unmeasured": sorted(faults.known().keys() - {row["fault"] for row in measured()}),
    }
