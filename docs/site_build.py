"""What the site takes from the code: parameters of models, examples of docstrings, the metrics.

`mkdocs.yml` names this file twice: as an extension of mkdocstrings (`Docstrings`) and as a hook
(`on_page_markdown`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

METRICS_HERE = "<!-- table of metrics -->"
_MINUS = "\N{MINUS SIGN}"
# an example: from a prompt to the next blank line that no prompt follows
_EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*|\n\n(?=>>> ))*", re.MULTILINE)
_KINDS = {
    "rating": "Predicted ratings",
    "calibration": "Calibration",
    "ranking": "Rankings",
    "beyond accuracy": "Beyond accuracy",
}


class Docstrings(griffe.Extension):
    """Examples as code, and the fields of its `config` as the parameters of a class."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        for each in _objects(pkg):
            if each.docstring:
                code = _EXAMPLE.sub(r"```pycon\n\g<0>\n```", each.docstring.value)
                each.docstring.value = code
        for each in _objects(pkg):
            if isinstance(each, griffe.Class) and each.docstring and (rows := _parameters(each)):
                parsed = each.docstring.parse("google")
                each.docstring.parsed = [*parsed, griffe.DocstringSectionParameters(rows)]


def _objects(parent: griffe.Object) -> Iterator[griffe.Object]:
    for member in parent.members.values():
        if isinstance(member, griffe.Object):
            yield member
            yield from _objects(member)


def _parameters(model: griffe.Class) -> list[griffe.DocstringParameter]:
    """Fields of the type of `config`, of a config or a dataclass; those of bases first."""
    own = model.members.get("config")
    if model.name.endswith("Config") or "dataclass" in model.labels:
        config = model
    elif isinstance(own, griffe.Attribute) and isinstance(own.annotation, griffe.ExprName):
        config = model.modules_collection[own.annotation.canonical_path]
    else:
        return []
    fields: dict[str, griffe.DocstringParameter] = {}
    for base in [*reversed(config.mro()), config]:
        for name, field in base.members.items():
            if _is_field(field):
                inherited = fields[name].description if name in fields else ""
                fields[name] = griffe.DocstringParameter(
                    name,
                    annotation=field.annotation,
                    description=_comment(field) or inherited,
                    value=_default(field.value),
                )
    return list(fields.values())


def _is_field(member: griffe.Object | griffe.Alias) -> bool:
    if not isinstance(member, griffe.Attribute) or "property" in member.labels:
        return False
    of_instances = "instance-attribute" in member.labels  # no ClassVar
    return of_instances and not member.name.startswith(("_", "model_"))


def _default(value: str | griffe.Expr | None) -> str | None:
    """The default of a field, without the `Field(…)` or `field(…)` around it."""
    text = None if value is None else str(value)
    found = re.match(r"[Ff]ield\((?:default=)?([^,=]+)(?:,|\)$)", text or "")
    factory = re.match(r"[Ff]ield\(.*?default_factory=(\w+)", text or "")
    if factory:
        return {"dict": "{}", "list": "[]"}.get(factory[1], "see the source")
    if not found and (text or "").startswith("field("):  # no default
        return None
    return found[1] if found else text


def _comment(field: griffe.Attribute) -> str:
    """What stands behind a field after `#`, else the lines above it that begin with `#:`."""
    lines, number = field.lines_collection[field.filepath], (field.lineno or 1) - 2
    if behind := lines[(field.endlineno or 1) - 1].partition("  # ")[2]:
        return behind
    found: list[str] = []
    while number >= 0 and lines[number].strip().startswith("#:"):
        found.insert(0, lines[number].strip().removeprefix("#:").strip())
        number -= 1
    return " ".join(found)


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """The page with the registry of metrics in place of `METRICS_HERE`."""
    return markdown.replace(METRICS_HERE, _metrics()) if METRICS_HERE in markdown else markdown


def _metrics() -> str:
    from reelbench.evaluation.metrics import METRICS

    lines = []
    for kind, title in _KINDS.items():
        lines += [f"## {title}", "", "| Key | Metric | Better | Range | Definition and source |"]
        lines.append("|---|---|---|---|---|")
        for metric in METRICS.values():
            if metric.kind == kind:
                key = f"{metric.key}_at_k" if metric.at_cutoffs else metric.key
                formula = metric.formula.replace("|", "\\|").replace(" - ", f" {_MINUS} ")
                end = metric.better or "neither"
                limits = f"{_number(metric.low)} to {_number(metric.high)}"
                cells = (f"`{key}`", metric.title, end, limits, f"{formula}<br>*{metric.source}*")
                lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:g}".replace("inf", "\N{INFINITY}").replace("-", _MINUS)
