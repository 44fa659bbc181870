"""The command `reelbench`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from reelbench.params import ParamsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A movie-recommendation benchmark. The pipeline itself runs with `make repro`.",
)
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


@app.command()
def track() -> None:
    """Fill the MLflow mirror from the files of the last pipeline run."""
    from reelbench.tracking import mirror_all

    mirrored = mirror_all()
    console.print(f"{len(mirrored)} models are in MLflow")


if __name__ == "__main__":
    app()
