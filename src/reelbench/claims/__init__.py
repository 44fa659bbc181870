"""What published figures are worth: faults of a protocol, and of a score that is too good.

Both are judged by what each fault changed alone in our own measurements, which are data of the
package: an installed command reads them without a checkout.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import create_model

from reelbench import faults
from reelbench.evaluation.metrics import find
from reelbench.params import ParamsError, Section, validate

FOLDER = Path(__file__).parent
MEASURED = FOLDER / "measured.csv"
#: the metric without (`honest`) and with the fault (`value`), each with its 95 % interval; without
#: a fault only the honest figure was measured. `commit` is that of the code
COLUMNS = (
    *("data", "model", "metric", "fault", "honest", "honest_low", "honest_high"),
    *("value", "difference", "low", "high", "commit"),
)
Row = dict[str, Any]
#: fields of a description: `about`, and `values`, of which the first is what a run here has
FIELDS: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "protocol.yaml").read_text("utf-8"))
_TYPES: dict[str, Any] = {
    name: (Literal[tuple(field["values"])] | None, None) for name, field in FIELDS.items()
}
_Description = create_model("_Description", __base__=Section, data=(str | None, None), **_TYPES)
_SHOWN = {"rmse": "RMSE", "ndcg_at_10": "nDCG@10"}  # metrics whose worth is printed; JSON has all
CLOSE = 0.05  # a figure is close to a score if it is worse by at most this share of it


@cache
def measured() -> tuple[Row, ...]:
    """Every measurement by `COLUMNS`, None where there is no value."""
    table = pd.read_csv(MEASURED).astype(object)
    rows = table.where(table.notna(), None).itertuples(index=False)
    return tuple(dict(zip(COLUMNS, row, strict=True)) for row in rows)


def described(files: Sequence[str], options: Mapping[str, str]) -> dict[str, str]:
    """What is stated of `FIELDS`, by YAML or `params.yaml`, then by options; else a ParamsError."""
    stated: dict[str, str] = {}
    for file in files:
        try:
            content = yaml.safe_load(Path(file).read_text("utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise ParamsError(f"{file}: {error}") from error
        if isinstance(content, Mapping) and {"split", "evaluate", "models"} <= content.keys():
            content = of_params(content)
        stated |= _checked(content, file)
    return _checked(stated | dict(options), "options")


def _checked(content: object, source: str) -> dict[str, str]:
    return validate("protocol", content, _Description, Path(source)).model_dump(exclude_none=True)


def of_params(content: Mapping[str, Any]) -> dict[str, str]:
    """The description of a run of ours, from the content of its `params.yaml`."""
    stated = {name: field["values"][0] for name, field in FIELDS.items()}
    stated |= {"data": content["data"]["name"], "split": content["split"]["method"]}
    if content["evaluate"]["candidates"] == "train":
        stated["candidates"] = "train_items"
    for fault in faults.active(content):
        stated |= {name: values[0] for name, values in faults.known()[fault].protocol.items()}
    return stated


def findings(stated: Mapping[str, str]) -> list[dict[str, Any]]:
    """The faults of a protocol.

    Each is `fault`, what it is `about` and `why` that is wrong; `shown_by`, such as `split:
    random`; `measured`, the rows of the fault alone, first on the data set that is stated; and
    `worth`, the `lowest` and the `highest` of their differences for each metric and data set.
    """
    found = []
    for name, fault in faults.known().items():
        shown_by = {k: v for k, v in stated.items() if v in fault.protocol.get(k, ())}
        if shown_by:
            rows = [row for row in measured() if row["fault"] == name]
            rows.sort(key=lambda row: row["data"] != stated.get("data"))
            known = {"fault": name, "about": fault.about, "why": fault.why, "shown_by": shown_by}
            found.append(known | {"measured": rows, "worth": _worth(rows)})
    return found


def _worth(rows: Sequence[Row]) -> list[dict[str, Any]]:
    worth = []
    for key, title in _SHOWN.items():
        for data in dict.fromkeys(row["data"] for row in rows if row["metric"] == key):
            own = [row for row in rows if (row["metric"], row["data"]) == (key, data)]
            own.sort(key=lambda row: float(row["difference"]))
            worth.append({"metric": title, "data": data, "lowest": own[0], "highest": own[-1]})
    return worth


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
