"""The commands `recommend`, `similar` and `app`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelbench.serving.answer import Answer, AskError, Recommendation

if TYPE_CHECKING:
    from reelbench.serving.library import Library

_K = Annotated[int, typer.Option("-k", "--k", help="Movies in the list")]
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON (docs/recommend.md)")]


def recommend(
    user: Annotated[str | None, typer.Option(help="Id of a user of the data set")] = None,
    title: Annotated[str | None, typer.Option(help="Movies like this one, as `similar`")] = None,
    liked: Annotated[
        list[str] | None, typer.Option(help="Title that somebody new likes; as many as you want")
    ] = None,
    age: Annotated[int | None, typer.Option(help="Of somebody new, in years")] = None,
    gender: Annotated[str | None, typer.Option(help="As in the data set, such as F or M")] = None,
    occupation: Annotated[str | None, typer.Option(help="As in the data set")] = None,
    zip_code: Annotated[str | None, typer.Option("--zip", help="Zip code")] = None,
    k: _K = 10,
    model: Annotated[
        str | None,
        typer.Option(
            help="Who answers: a trained model. Default: of those that can the one with the "
            "highest nDCG on reports/leaderboard.csv; for --title see `similar`"
        ),
    ] = None,
    as_json: _JSON = False,
) -> None:
    """Recommend movies, with reasons: to a user, to somebody new, or like a title.

    Ask in one of these ways:

    --user 42

    --title "toy stori"

    --liked "Heat" --liked "Alien"

    --age 24 --gender M --occupation student --zip 10003

    Somebody of whom nothing is known gets popular movies. Titles may have typing errors.

    What the user has rated, in train or valid, is left out.
    """

    def ask(library: Library) -> Answer:
        from reelbench.serving import recommend as core
        from reelbench.serving.profile import Profile
        from reelbench.serving.similar import CONTENT, similar

        profile = Profile(age, gender, occupation, zip_code)
        ways = [user is not None, title is not None, bool(liked), not profile.empty]
        if sum(ways) > 1:
            raise AskError(
                "--user, --title, --liked and a profile (--age, --gender, --occupation, --zip) "
                "are different questions: ask one"
            )
        if user is not None:
            return core.for_user(library, user, k, model)
        if title is not None:
            return similar(library, title, k, model or CONTENT)
        if liked:
            return core.for_liked(library, liked, k, model)
        if not profile.empty:
            return core.for_profile(library, profile, k, model)
        return core.popular(library, k).noting("Say more with --user, --liked, --title or --age.")

    _answer(ask, "recommend", as_json)


def similar(
    title: Annotated[str, typer.Argument(help="May have typing errors")],
    k: _K = 10,
    model: Annotated[
        str,
        typer.Option(help="content, text (sentence embeddings), or a trained model such as ease"),
    ] = "content",
    genre_weight: Annotated[
        float, typer.Option(help="For content: from 0, tags alone, to 1, genres alone")
    ] = 0.5,
    as_json: _JSON = False,
) -> None:
    """List movies like a movie: by director, genres and tags, by text, or as a model sees them."""

    def ask(library: Library) -> Answer:
        from reelbench.serving import similar as core

        return core.similar(library, title, k, model, genre_weight)

    _answer(ask, "similar", as_json)


def open_app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On 127.0.0.1")] = 7860,
) -> None:
    """Open the app in which movies are asked for, on 127.0.0.1: docs/app.md."""
    from reelbench.seeds import pin_runtime

    pin_runtime(threads=1)
    from reelbench.serving.app.server import serve

    try:
        serve(port, say=typer.echo)
    except AskError as error:
        _refuse("app", error)


def _answer(ask: Callable[[Library], Answer], command: str, as_json: bool) -> None:
    """Print what is answered; what cannot be answered ends in a sentence and exit code 2."""
    from reelbench.seeds import pin_runtime
    from reelbench.serving.library import Library

    pin_runtime(threads=1)  # an answer is too short for more
    try:
        with suppress_stderr():
            answer = ask(Library.read())
    except AskError as error:
        _refuse(command, error)
    if as_json:
        typer.echo(json.dumps(answer.as_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print_answer(answer, Console(highlight=False))


def _refuse(command: str, error: AskError) -> NoReturn:
    console = Console(stderr=True, highlight=False)
    console.print(f"{command}: {error}", markup=False, soft_wrap=True)
    raise typer.Exit(2) from error


def print_answer(answer: Answer, console: Console) -> None:
    """Heading, note, and a table of movies with their titles in full."""
    heading = f"For {answer.asked}, by {answer.model}"
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
        why = Text("; ".join(movie.reasons))
        table.add_row(f"{movie.rank}", Text(_told(movie)), f"{movie.score:.3g}", why)
    console.print(table)


def _told(movie: Recommendation) -> str:
    return movie.title if movie.year is None else f"{movie.title} ({movie.year})"


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Drop what anything in this process writes to file descriptor 2; exceptions pass.

    For a process that does one thing: what other threads write meanwhile is dropped too.
    """
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
