"""The commands `recommend`, `similar` and `app`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelbench.serving import Answer, AskError, capitalized

if TYPE_CHECKING:
    from reelbench.serving.library import Library

_K = Annotated[int, typer.Option("-k", "--k", help="Number of movies")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON (docs/recommend.md)")]


def recommend(
    user: Annotated[str | None, typer.Option(help="Id of a user of the data set")] = None,
    title: Annotated[
        str | None, typer.Option(help="Title to find similar movies for, as with `similar`")
    ] = None,
    liked: Annotated[
        list[str] | None, typer.Option(help="Title that a new user likes; can be repeated")
    ] = None,
    age: Annotated[int | None, typer.Option(help="Age of a new user in years")] = None,
    gender: Annotated[
        str | None, typer.Option(help="Gender as in the data set, such as F or M")
    ] = None,
    occupation: Annotated[str | None, typer.Option(help="Occupation as in the data set")] = None,
    zip_code: Annotated[str | None, typer.Option("--zip", help="Zip code")] = None,
    k: _K = 10,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model to use; default: the best one available for this question. "
            "For --title see `similar`"
        ),
    ] = None,
    as_json: _JSON = False,
) -> None:
    """Recommend movies, with reasons.

    To a user of the data set, to a new user, or similar to a title:

    --user 42

    --liked "Heat" --liked "Alien"

    --age 24 --gender M --occupation student --zip 10003

    --title "toy stori"

    Without any information, popular movies are returned. Titles may contain typing errors.

    Movies that the user rated in train or valid are left out.
    """

    def ask(library: Library) -> Answer:
        from reelbench.serving import recommend as core

        profile = core.Profile(age, gender, occupation, zip_code)
        ways = [user is not None, title is not None, bool(liked), not profile.empty]
        if sum(ways) > 1:
            raise AskError(
                "--user, --title, --liked and a profile (--age, --gender, --occupation, --zip) "
                "are different questions: choose one"
            )
        if user is not None:
            return core.for_user(library, user, k, model)
        if title is not None:
            return core.similar(library, title, k, model or core.MIXED)
        if liked:
            return core.for_liked(library, liked, k, model)
        if not profile.empty:
            return core.for_profile(library, profile, k, model)
        hint = "For your own recommendations use --user, --liked, --title or a profile."
        return core.popular(library, k).with_notes(hint)

    _answer(ask, as_json)


def similar(
    title: Annotated[str, typer.Argument(help="Title of a movie; may contain typing errors")],
    k: _K = 10,
    model: Annotated[
        str | None,
        typer.Option(
            help="mixed (people and content), content (the published order: director first), "
            "text (sentence embeddings), or a trained model such as ease"
        ),
    ] = None,
    genre_weight: Annotated[
        float | None, typer.Option(help="For content: from 0, tags only, to 1, genres only")
    ] = None,
    as_json: _JSON = False,
) -> None:
    """List similar movies: by people and content together, by content, or by a trained model."""
    from reelbench.serving import recommend as core

    _answer(lambda library: core.similar(library, title, k, model, genre_weight), as_json)


def open_app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1")] = 7860,
) -> None:
    """Start the web app for recommendations (docs/app.md)."""
    from reelbench.seeds import pin_runtime

    pin_runtime(threads=1)
    from reelbench.serving.app.server import serve

    serve(port, say=typer.echo)


def open_mcp() -> None:
    """Answer an assistant on standard input and output (docs/recommend.md); extra `mcp`."""
    from reelbench.seeds import pin_runtime

    pin_runtime(threads=1)
    try:
        from reelbench.serving.mcp import serve
    except ModuleNotFoundError as error:
        raise AskError(f"{error}: pip install 'reelbench[mcp]'") from error
    serve()


def _answer(ask: Callable[[Library], Answer], as_json: bool) -> None:
    from reelbench.seeds import pin_runtime
    from reelbench.serving.library import Library

    pin_runtime(threads=1)  # an answer is too short for more
    with suppress_stderr():
        answer = ask(Library.read())
    if as_json:
        plain = not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
        typer.echo(json.dumps(answer.as_json(), indent=2, ensure_ascii=plain, allow_nan=False))
    else:
        print_answer(answer, Console(highlight=False))


def print_answer(answer: Answer, console: Console) -> None:
    """Print heading, note, and a table of movies with their titles in full."""
    heading = f"{capitalized(answer.asked)} (model: {answer.model})"
    console.print(heading, style="bold", markup=False, soft_wrap=True)
    if answer.note:
        console.print(answer.note, style="yellow", markup=False, soft_wrap=True)
    if not answer.recommendations:
        console.print("No movie is left to recommend.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("movie", overflow="fold", min_width=20)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for movie in answer.recommendations:
        title, why = Text(movie.title_and_year), Text(". ".join(movie.reasons))
        table.add_row(f"{movie.rank}", title, f"{movie.score:.3g}", why)
    console.print(table)


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Drop what this process writes to file descriptor 2, TensorFlow's C++ too; exceptions pass."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
