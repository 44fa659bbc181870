"""Published rows beside ours as text: `table.csv` for the report, `reports/replication.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

import pandas as pd

from reelbench import paths
from reelbench.files import atomic
from replications.published import Row, Setting, System, systems
from replications.results import Estimate, Report, Result, Spread, read_all
from replications.verdicts import MEANINGS, Verdict, verdict

F = TypeVar("F")

_MISSING, _MINUS = "\u2013", "\u2212"
_TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "r2": "R²",
    "recall_at_10": "Recall@10",
    "precision_at_20": "Precision@20",
    "precision_at_20_train": "Precision@20 on train",
    "train_mse": "MSE on train",
    "n_test": "test ratings",
}
_HEAD = ("row", "what", "published", "same protocol", "verdict", "honest", "notes")
_FAULTS_HEAD = ("row", "fault", "effect by itself")
_SETTINGS_HEAD = ("row", "setting", "published", "line", "ours")
_NOTE = """\
Five published recommenders, every row of their tables.

- *Published*: the printed figure, its line in the document, and the protocol it was measured on.
- *Same protocol*: our model with the same faults; mean ± standard deviation over root seeds, which
  also draw a random split.
- *Honest*: the same model where nothing leaks, with a 95 % interval; users are resampled, or rows
  where one pseudo-user stands for all.
- *Effect by itself*: the honest protocol with that fault alone, minus the honest protocol. The
  effects of several faults need not add up.

`reelbench replicate NAME` re-runs a table and draws its figures:
[docs/replication.md](../docs/replication.md)."""


class Line(NamedTuple):
    """A row of a system's table, as text.

    Attributes:
        system: letter and title.
        about: how the system is run.
        difference: how far ours is from the published figure, or what the row gave.
        faults: what each fault of the published protocol changes by itself.
        origin: data, number of runs, commit and time.
        files: figures that it wrote, relative to the checkout, separated by blanks.
    """

    system: str
    about: str
    row: str
    what: str
    published: str
    same: str
    verdict: str
    honest: str
    difference: str
    faults: str
    origin: str
    files: str


def write() -> None:
    """Write the CSV and the Markdown of all stored reports."""
    reports = read_all()
    with atomic(paths.REPLICATION_TABLE) as file:
        found = lines(systems().values(), reports)
        pd.DataFrame(found).to_csv(file, index=False, lineterminator="\n")
    with atomic(paths.REPLICATION_MD) as file:
        file.write_text(render(systems().values(), reports), encoding="utf-8")


def lines(known: Iterable[System], reports: Mapping[str, Report]) -> list[Line]:
    """A line for every row of every system, whether it has run or not."""
    return [
        _line(system, row, result_of(system, row, reports))
        for system in known
        for row in system.rows
    ]


def result_of(system: System, row: Row, reports: Mapping[str, Report]) -> Result:
    """The stored result of a row; of one that has not run the reason."""
    report = reports.get(system.preset)
    missing = Result(not_run="not in the results" if report else "this system was not re-run yet")
    return report.rows.get(row.id, missing) if report else missing


def counted(known: Iterable[System], reports: Mapping[str, Report]) -> Counter[Verdict]:
    """Number of rows by verdict."""
    return Counter(
        verdict(system, row, result_of(system, row, reports))
        for system in known
        for row in system.rows
    )


def verdicts(found: Mapping[Verdict, int]) -> str:
    """The numbers of rows by verdict as a sentence, for the page and the README."""
    number_of = {name: found.get(name, 0) for name in Verdict}
    told = [f"{number} {name}" for name, number in number_of.items() if number]
    return f"Of {sum(number_of.values())} rows: {', '.join(told)}."


def render(known: Iterable[System], reports: Mapping[str, Report]) -> str:
    """The Markdown page: verdicts, and a section per system with its rows and their settings."""
    known = list(known)
    meanings = [f"- *{name}*: {meaning}" for name, meaning in MEANINGS.items()]
    head = f"**{verdicts(counted(known, reports))}**"
    blocks = ["# Replication of five published systems", head, "\n".join(meanings), _NOTE]
    for system in known:
        rows = [(row, result_of(system, row, reports)) for row in system.rows]
        found = [_line(system, row, result) for row, result in rows]
        blocks += [f"## {found[0].system}", found[0].about]
        blocks.append(_table(_HEAD, [_cells(line) for line in found]))
        faults = [
            [f"`{row.id}`", f"`{name}`", text] for row, r in rows for name, text in effects(row, r)
        ]
        if faults:
            blocks += [f"### Faults of {system.system}, alone on honest ground"]
            blocks.append(_table(_FAULTS_HEAD, faults))
        settings = [cells for row, result in rows for cells in _settings(row, result)]
        if settings:
            blocks += [f"### Settings of {system.system}", _table(_SETTINGS_HEAD, settings)]
    return "\n\n".join(blocks) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    cells = [[c.replace("|", "\\|").replace("\n", " ") for c in row] for row in (head, *rows)]
    text = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([text[0], "|" + " --- |" * len(head), *text[1:]])


def _cells(line: Line) -> list[str]:
    notes = " ".join(filter(None, (line.difference, f"({line.origin})" if line.origin else "")))
    code = f"`{line.row}`"
    return [code, line.what, line.published, line.same, line.verdict, line.honest, notes]


def _settings(row: Row, result: Result) -> list[list[str]]:
    """A row of the table of settings for each setting of a row that has run."""
    return [
        [f"`{row.id}`", name, _value(setting.published), str(setting.line), _ours(setting, ours)]
        for name, setting in row.settings.items()
        for ours in ([result.settings[name]] if name in result.settings else [])
    ]


def _ours(setting: Setting, ours: object) -> str:
    if ours == setting.published:
        return "the same"
    return f"{_value(ours)}: {setting.differs}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    return "none" if value is None else str(value)


def _line(system: System, row: Row, result: Result) -> Line:
    figures = _joined(row, row.published, lambda _, figure: figure.text)
    parts = [figures, "; ".join(row.printed)]
    printed = "; ".join(filter(None, parts))
    where = ("line " if len(row.lines) == 1 else "lines ") + ", ".join(map(str, row.lines))
    about = where + (f"; {row.protocol}" if row.protocol else "")
    found = verdict(system, row, result)
    reason = {Verdict.DIFFERS: row.differs, Verdict.OTHER_DATA: row.other_data}.get(found, "")
    origin = [result.data, f"{result.seeds} runs" if result.seeds > 1 else "", result.commit]
    return Line(
        system=f"{system.system}. {system.title}",
        about=f"Run: `reelbench replicate {system.preset}`. {system.about}",
        row=row.id,
        what=f"{row.step}: {row.what}",
        published=f"{printed} ({about})" if printed else _MISSING,
        same="; ".join(filter(None, (_joined(row, result.same, spread), "; ".join(result.listed))))
        or _MISSING,
        verdict=f"{found}: {reason}" if reason else str(found),
        honest=_joined(row, result.honest, estimate) or _MISSING,
        difference=f"not run: {result.not_run}"
        if result.not_run
        else " ".join(filter(None, (result.shown, difference(row, result)))),
        faults="; ".join(f"{name}: {text}" for name, text in effects(row, result)),
        origin=", ".join(filter(None, (*origin, result.time))),
        files=" ".join(result.files),
    )


def _joined(row: Row, figures: Mapping[str, F], text: Callable[[str, F], str]) -> str:
    """Titles and figures in the order of publication, then those that were not published."""
    order = [m for m in dict.fromkeys([*row.published, *figures]) if m in figures]
    return ", ".join(f"{title(metric)} {text(metric, figures[metric])}" for metric in order)


def difference(row: Row, result: Result) -> str:
    """How far our figures are from the published ones, and figures of other variants."""
    gaps = {
        metric: result.same[metric].mean - printed
        for metric, printed in row.published.items()
        if metric in result.same and not printed.same(result.same[metric].mean)
    }
    signed = [f"{title(metric)} {number(metric, gap, '+')}" for metric, gap in gaps.items()]
    sentences = [f"Ours minus published: {', '.join(signed)}."] if signed else []
    also = result.also.items()
    sentences += [f"{name}: {_joined(row, figures, estimate)}." for name, figures in also]
    return " ".join(sentences)


def effects(row: Row, result: Result) -> list[tuple[str, str]]:
    """Each fault and what it changes by itself, the largest effect first."""
    ranked = sorted(result.worth, key=lambda effect: -abs(effect.difference))
    found: dict[str, dict[str, float]] = {}
    for effect in ranked:
        found.setdefault(effect.fault, {})[effect.metric] = effect.difference
    texts = {f: _joined(row, of, lambda m, value: number(m, value, "+")) for f, of in found.items()}
    return list(texts.items())


def title(metric: str) -> str:
    """A metric's name in text."""
    return _TITLES.get(metric, metric.replace("_", " "))


def number(metric: str, value: float, sign: str = "-") -> str:
    """Counts without decimals, seconds with one (two below one), everything else with four.

    Args:
        sign: `+` shows the sign of positive numbers too.
    """
    seconds, whole = metric == "seconds", float(value).is_integer() and abs(value) >= 2
    digits = (1 if abs(value) >= 1 else 2) if seconds else 0 if whole else 4
    return f"{value:{sign},.{digits}f}".replace("-", _MINUS)


def spread(metric: str, found: Spread) -> str:
    """Mean ± standard deviation, or the mean where there is one run or the figure is a count."""
    text = number(metric, found.mean)
    counted = found.deviation is None or metric == "n_test"
    return text if counted else f"{text} ± {found.deviation:.4f}"


def estimate(metric: str, found: Estimate) -> str:
    """Value [low, high], or the value where there is no interval."""
    text = number(metric, found.value)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{number(metric, found.low)}, {number(metric, found.high)}]"


def summary(row: Row, result: Result) -> str:
    """A result as one line for the terminal."""
    if result.not_run:
        return f"{row.id}: not run: {result.not_run}"
    honest = _joined(row, result.honest, estimate)
    parts = [_joined(row, result.same, spread), f"honest {honest}" if honest else "", result.shown]
    return f"{row.id}: {'; '.join(filter(None, [*parts, *result.files]))}"
