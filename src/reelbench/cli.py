"""The command `reelbench`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from reelbench.params import ParamsError

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A movie-recommendation benchmark. The pipeline itself runs with `make repro`.",
)
data_app = typer.Typer(no_args_is_help=True, help="The data sets that there are.")
app.add_typer(data_app, name="data")
console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@app.callback()
def main() -> None:
    """Keep the commands below named even while there are few."""


@app.command()
def params(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Hydra overrides, such as models.svd.factors=64")
    ] = None,
) -> None:
    """Compose params.yaml from conf/ and check every section."""
    from reelbench.compose import compose

    try:
        content = compose(overrides=overrides)
    except ParamsError as error:
        errors.print(f"params: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    console.print(
        f"params.yaml: {content['data']['name']}, split {content['split']['name']}, "
        f"{len(content['models'])} models"
    )


@data_app.command("list")
def list_data() -> None:
    """Show the data sets that there are."""
    from reelbench.data.listing import data_sets

    for data in _or_exit(data_sets):
        console.print(f"{data.name:<16} {data.about}", markup=False, soft_wrap=True)


@data_app.command()
def info(name: Annotated[str, typer.Argument(help="Such as ml-100k")]) -> None:
    """Show what a data set is, where it comes from and under which terms."""
    from reelbench.data.listing import data_set, sources

    data = _or_exit(lambda: data_set(name))
    lines = [f"{data.name}: {data.about}", "", "Looked for, the first that is there:"]
    lines += [f"  {number}. {text}" for number, text in enumerate(sources(data), start=1)]
    lines += ["  (data.root, where it is given, comes before all others)", ""]
    lines += [data.source.licence.strip(), "", f"Use it: dvc exp run -S data={data.name}"]
    console.print("\n".join(lines), markup=False, soft_wrap=True)


def _or_exit(read: Callable[[], T]) -> T:
    """The value, or the message of the mistake and exit code 2."""
    try:
        return read()
    except ValueError as error:
        errors.print(f"data: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error


@app.command()
def track() -> None:
    """Fill the MLflow mirror from the files of the last pipeline run."""
    from reelbench.tracking import mirror_all

    mirrored = mirror_all()
    console.print(f"{len(mirrored)} models are in MLflow")


if __name__ == "__main__":
    app()
