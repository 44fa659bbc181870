"""Faults of a described protocol, and what each was worth in our measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import create_model

from reelbench import faults
from reelbench.claims import FOLDER, Row, measured
from reelbench.params import ParamsError, Section, validate

#: fields of a description: `about`, and `values`, of which the first is what a run here has
FIELDS: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "protocol.yaml").read_text("utf-8"))
_TYPES: dict[str, Any] = {
    name: (Literal[tuple(field["values"])] | None, None) for name, field in FIELDS.items()
}
_Description = create_model("_Description", __base__=Section, data=(str | None, None), **_TYPES)
# metrics whose worth is printed; JSON has all of them
_SHOWN = {"rmse": "RMSE", "ndcg_at_10": "nDCG@10"}


def described(files: Sequence[str], options: Mapping[str, str]) -> dict[str, str]:
    """What is stated: `data` and `FIELDS`, from YAML or a `params.yaml`, then from options.

    Raises:
        ParamsError: there is no such file, or it is no description.
    """
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
    found = validate("protocol", content, _Description, Path(source))
    return found.model_dump(exclude_none=True)


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

    Returns:
        `fault`, what it is `about` and `why` that is wrong; `shown_by`, such as `split: random`;
        `measured`, the rows of the fault alone, first on the data set that is stated; and `worth`,
        where it changed a metric least and most on each data set.
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
        for data in dict.fromkeys(row["data"] for row in rows):
            own = [row for row in rows if (row["metric"], row["data"]) == (key, data)]
            own.sort(key=lambda row: abs(row["difference"]))
            worth += [{"metric": title, "data": data, "least": r, "most": own[-1]} for r in own[:1]]
    return worth
