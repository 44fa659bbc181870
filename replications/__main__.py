"""`python -m replications NAME`: re-run published systems, with the options of `Options`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from reelbench.params import ParamsError
from replications.options import Options
from replications.replicate import replicate
from replications.words import report_line

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str], typer.Argument(help="Presets, such as latest_small_temporal")],
    root: Annotated[Path | None, typer.Option(help="Folder with the data set's files")] = None,
    data: Annotated[str | None, typer.Option(help="Use this data set instead")] = None,
    listing: Annotated[
        Path | None, typer.Option("--list", help="CSV of movies with directors or overviews")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs behind each mean ± deviation")] = 3,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help="Only this row; can be repeated")
    ] = None,
) -> None:
    """Re-run published systems: the published protocol, an honest one, and each fault alone."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    failed = False
    try:
        options = Options(root, data, listing, seeds, tuple(rows or ()))
        for name in names:
            for result in replicate(name, options).rows.values():
                typer.echo(report_line(result))
                failed |= result.not_run.startswith("failed")
    except ParamsError as error:
        typer.echo(f"replicate: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    app(prog_name="replications")
