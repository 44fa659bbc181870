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
from replications import examples, faults, figures, published, tables
from replications.measure import Part, Parts, Results, Study, run_parts, settings, sizes
from replications.published import Row, System, Variant
from replications.results import Report, Result, counts, read_all, write
from replications.runs import quoted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[
        list[str], typer.Argument(help="Presets, such as latest_small_temporal; or: faults")
    ],
    root: Annotated[
        Path | None, typer.Option(exists=True, help="Folder with the data set's files")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Use this data set instead")] = None,
    listing: Annotated[
        Path | None,
        typer.Option("--list", exists=True, help="CSV of movies with directors or overviews"),
    ] = None,
    small: Annotated[
        Path | None,
        typer.Option(
            exists=True, help="Folder with ml-latest-small, for a row of netflix_overviews"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs behind each mean ± deviation")] = 3,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Only this row; can be repeated")
    ] = None,
) -> None:
    """Re-run published systems: the published protocol, an honest one, and each fault alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if names == ["faults"]:
        faults.measure(root, data)
        return
    try:
        found = [replicate(name, seeds, rows or [], (root, data, listing), small) for name in names]
    except ParamsError as error:
        typer.echo(f"replicate: {error}", err=True)
        raise typer.Exit(2) from error
    results = [result for of_system in found for result in of_system.values()]
    raise typer.Exit(any(result.not_run.startswith("failed") for result in results))


def replicate(
    name: str,
    seeds: int,
    rows: list[str],
    data: tuple[Path | None, str | None, Path | None],
    small: Path | None = None,
) -> dict[str, Result]:
    """Re-run a system, print its results and write them and the page; returns what was found.

    A row that fails keeps the result that it had before.

    Args:
        rows: ids of the rows to run, others staying as they are; empty for all.
        data: values of the options `--root`, `--data` and `--list`.
        small: value of the option `--small`.

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
    changed = prepare(folder, *data) if prepare else overrides(*data)
    study = Study(name, changed, seeds, folder, small=small)
    found = run_parts(parts(system, getattr(module, "PARTS", {})), study, wanted)
    for row, result in found.items():
        typer.echo(tables.summary(system.row(row), result))
    report = read_all().get(name, Report(preset=name, rows={}))
    write(report.with_(found, [row.id for row in system.rows]))
    tables.write()
    return found


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
    made = {row for rows in own for row in rows}
    left = [row for row in system.rows if row.id not in made]
    exhibits = {row.id: row.exhibit for row in left if row.exhibit}
    found: dict[tuple[str, ...], Part] = {**own}
    if exhibits:
        found[tuple(exhibits)] = partial(figures.exhibit_rows, system, exhibits)
    for row in left:
        if row.run or row.example or row.sizes:
            found[row.id,] = partial(_made, system, row)
    return found


def _made(system: System, row: Row, study: Study) -> Results:
    if row.example:
        ran = study.run(row.example)
        made: Result | str = getattr(examples, row.example.make)(ran, row.example.model)
        made = Result(shown=made) if isinstance(made, str) else made
        return {row.id: made.model_copy(update={"settings": settings(row, ran) | made.settings})}
    if row.sizes:
        ran = study.run(Variant(model=row.sizes), upto="split")
        return {row.id: Result(same=counts(sizes(ran)), settings=settings(row, ran))}
    plan = system.plan(row.id)
    result = study.carry_out(plan)
    shown = getattr(examples, plan.shown)(study, plan) if plan.shown else ""
    known = settings(row, study.used(plan.same))
    return {row.id: result.model_copy(update={"shown": shown, "settings": known})}


if __name__ == "__main__":
    app(prog_name="replications")
