"""`python -m replications NAME`: re-run published systems and render the page of all of them."""

from __future__ import annotations

import importlib.util
import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from reelbench import paths
from reelbench.params import ParamsError
from replications import examples, figures, published, tables
from replications.measure import Part, Parts, Results, Study, run_parts, sizes
from replications.published import Report, Result, Row, System, Variant, counts
from replications.runs import quoted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str], typer.Argument(help="Presets, such as latest_small_temporal")],
    root: Annotated[
        Path | None, typer.Option(exists=True, help="Folder with the data set's files")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Use this data set instead")] = None,
    listing: Annotated[
        Path | None,
        typer.Option("--list", exists=True, help="CSV of movies with directors or overviews"),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs behind each mean ± deviation")] = 3,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Only this row; can be repeated")
    ] = None,
) -> None:
    """Re-run published systems: the published protocol, an honest one, and each fault alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        found = [replicate(name, seeds, rows or [], (root, data, listing)) for name in names]
    except ParamsError as error:
        typer.echo(f"replicate: {error}", err=True)
        raise typer.Exit(2) from error
    results = [result for report in found for result in report.rows.values()]
    raise typer.Exit(any(result.not_run.startswith("failed") for result in results))


def replicate(
    name: str, seeds: int, rows: list[str], data: tuple[Path | None, str | None, Path | None]
) -> Report:
    """Re-run a system, print its results and write them and the page; returns the rows that ran.

    Args:
        rows: ids of the rows to run, others staying as they are; empty for all.
        data: values of the options `--root`, `--data` and `--list`.

    Raises:
        ParamsError: unknown system or row, an option that cannot be used, or not in a checkout.
    """
    system = published.system(name)
    wanted = [system.row(row).id for row in rows] or [row.id for row in system.rows]
    if not paths.CONF.is_dir():
        raise ParamsError(f"no {paths.CONF}/ here; run it in a checkout of reelbench")
    special = importlib.util.find_spec(f"replications.{name}")
    module = importlib.import_module(f"replications.{name}") if special else None
    folder = paths.DATA / "replication" / name
    folder.mkdir(parents=True, exist_ok=True)
    prepare = getattr(module, "prepare", None)
    study = Study(name, prepare(folder, *data) if prepare else overrides(*data), seeds, folder)
    found = run_parts(parts(system, getattr(module, "PARTS", {})), study, wanted)
    for row, result in found.items():
        typer.echo(tables.summary(system.row(row), result))
    used = study.ran[-1].content["data"]["name"] if study.ran else name
    report = Report(preset=name, data=used, seeds=seeds, rows=found)
    before = published.read_all().get(name, report) if rows else report
    kept = {row.id: (before.rows | found).get(row.id) for row in system.rows}
    published.write(report.model_copy(update={"rows": {k: r for k, r in kept.items() if r}}))
    tables.write()
    return report


def overrides(root: Path | None, data: str | None, listing: Path | None) -> tuple[str, ...]:
    """Hydra overrides for the options `--root`, `--data` and `--list`."""
    found = [f"data={data}"] if data else []
    if root:
        found.append(f"data.root={quoted(root)}")
    if listing:
        found += ["enrich=imdb-directors", f"enrich.list.path={quoted(listing)}"]
    return tuple(found)


def parts(system: System, own: Parts) -> Parts:
    """The parts of the system's module, and those that `rows.yaml` has for its other rows."""
    exhibits = {row.id: row.exhibit for row in system.rows if row.exhibit}
    found: dict[tuple[str, ...], Part] = {**own}
    if exhibits:
        found[tuple(exhibits)] = partial(figures.exhibit_rows, system, exhibits)
    for row in system.rows:
        if row.run or row.example or row.sizes:
            found.setdefault((row.id,), partial(_made, system, row))
    return found


def _made(system: System, row: Row, study: Study) -> Results:
    if row.example:
        text: str = getattr(examples, row.example.make)(study.run(row.example), row.example.model)
        return {row.id: text}
    if row.sizes:
        ran = study.run(Variant(model=row.sizes), upto="split")
        return {row.id: Result(same=counts(sizes(ran)))}
    plan = system.plan(row.id)
    result = study.carry_out(plan)
    shown = getattr(examples, plan.shown)(study, plan) if plan.shown else ""
    return {row.id: result.model_copy(update={"shown": shown})}


if __name__ == "__main__":
    app(prog_name="replications")
