"""The commands `recommend`, `similar`, `predict`, `explain`, `app` and `mcp`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelbench.serving import Answer, AskError, capitalized

if TYPE_CHECKING:
    from reelbench.serving.library import Library
    from reelbench.serving.questions import Wanted

Found = TypeVar("Found")
_K = Annotated[int, typer.Option("-k", "--k", help="Number of movies")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_USER = Annotated[str, typer.Option(help="Id of a user of the data set")]
_TITLE = Annotated[str, typer.Option(help="Title of a movie; may contain typing errors")]
#: options that the app has too, by its names
_FILTERS: dict[str, tuple[Any, Any]] = {
    "from_year": (int | None, typer.Option(None, "--from", help="Year of the oldest movie")),
    "to_year": (int | None, typer.Option(None, "--to", help="Year of the newest movie")),
    "genres": (list[str], typer.Option([], "--genre", help="Any of these; can be repeated")),
    "max_runtime": (float | None, typer.Option(None, help="Longest movie, in minutes")),
    "seen": (bool, typer.Option(False, "--rated", help="List movies that the user rated, too")),
    "diversity": (float, typer.Option(0.0, help="From 0 to 1: movies that are unlike each other")),
    "popular": (float, typer.Option(0.0, help="From -1, adventurous, to 1, popular")),
}


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """The command with those options; as `filters` it gets what was given, by name."""

    @wraps(command)
    def run(**given: Any) -> None:
        filters = {name: given.pop(name) for name in _FILTERS}
        command(**given, filters={name: value for name, value in filters.items() if value})

    own = signature(command, eval_str=True)
    known = [parameter for name, parameter in own.parameters.items() if name != "filters"]
    more = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=option, annotation=kind)
        for name, (kind, option) in _FILTERS.items()
    ]
    run.__signature__ = own.replace(parameters=[*known, *more])  # type: ignore[attr-defined]
    return run


@with_filters
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
    as_json: Json = False,
    *,
    filters: dict[str, Any],
) -> None:
    """Recommend movies, with reasons.

    To a user of the data set, to a new user, or similar to a title:

    --user 42

    --liked "Heat" --liked "Alien"

    --age 24 --gender M --occupation student --zip 10003

    --title "toy stori"

    Without any information, popular movies are returned. Titles may contain typing errors.

    Movies that the user rated in train or valid are left out. With filters and sliders, from
    --from to --popular, the list is that of the app.
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
        if filters and not profile.empty:
            raise AskError("filters and sliders go with --user, --liked, --title or nothing")
        if filters:
            return _filtered(library, filters, k, model, user, title, liked or [])
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


@with_filters
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
    as_json: Json = False,
    *,
    filters: dict[str, Any],
) -> None:
    """List similar movies: by people and content together, by content, or by a trained model."""
    from reelbench.serving import recommend as core

    def ask(library: Library) -> Answer:
        if not filters:
            return core.similar(library, title, k, model, genre_weight)
        if genre_weight is None:
            return _filtered(library, filters, k, model, None, title, [])
        weighted = filters | {"genre_weight": genre_weight}
        return _filtered(library, weighted, k, model or core.CONTENT, None, title, [])

    _answer(ask, as_json)


def predict(
    user: _USER,
    title: _TITLE,
    networks: Annotated[bool, typer.Option("--networks", help="Ask the networks, too")] = False,
    as_json: Json = False,
) -> None:
    """Predict a user's stars for a movie, with an interval and the opinion of every model."""
    from reelbench.serving import opinions

    found = _asked(lambda library: opinions.predict(library, user, title, networks))
    if as_json:
        return print_json(found)
    typer.echo(f"{found['title']} for user {user}")
    if stars := found["stars"]:
        bounds = f"{stars['low']:.1f} to {stars['high']:.1f} for 4 of 5 ratings"
        typer.echo(f"{stars['mean']:.1f} stars, {bounds} (model: {stars['by']})")
    else:
        typer.echo("No trained model predicts stars with an interval.")
    if found["given"] is not None:
        typer.echo(f"The user rated it {found['given']:g}; the models have learned from that.")
    if found["note"]:
        typer.echo(found["note"])
    table = Table("model", box=None, pad_edge=False, header_style="dim")
    for heading in ("stars", f"rank of {found['of']:,}"):
        table.add_column(heading, justify="right")
    for name, own in found["models"].items():
        shown = "" if own["stars"] is None else f"{own['stars']:.1f}"
        table.add_row(name, shown, f"{own['rank']:,}")
    Console(highlight=False).print(table)


@with_filters
def explain(
    user: _USER,
    title: _TITLE,
    k: _K = 10,
    model: Annotated[str | None, typer.Option(help="Model; default: the best one")] = None,
    as_json: Json = False,
    *,
    filters: dict[str, Any],
) -> None:
    """Say whether a movie is on a user's list, its rank there, and what would lift it."""

    def ask(library: Library) -> dict[str, Any]:
        from reelbench.serving import opinions

        return opinions.explain(library, title, _wanted(library, filters, k, model, user, None, []))

    found = _asked(ask)
    if as_json:
        return print_json(found)
    where = f"{'on' if found['listed'] else 'not on'} the list of {k}"
    lines = [
        f"{found['title']} is {where} for user {user}",
        f"Rank {found['rank']:,} of {found['of']:,} (model: {found['model']})",
        *(f"It {reason}." for reason in found["refused"]),
        *(f"{reason}." for reason in found["reasons"]),
        *([found["note"]] if found["note"] else []),
        f"Rank {found['popular']:,} with --popular 1, {found['adventurous']:,} with --popular -1",
    ]
    lines += [f"Rank {m['rank']:,} if the user liked {m['title']}" for m in found["lifts"]]
    Console(highlight=False).print("\n".join(lines), markup=False, soft_wrap=True)


def _wanted(
    library: Library,
    filters: dict[str, Any],
    k: int,
    model: str | None,
    user: str | None,
    title: str | None,
    liked: list[str],
) -> Wanted:
    """The question in the form of the app; an AskError for a genre that no movie has."""
    from pydantic import ValidationError

    from reelbench.columns import GENRES, ITEM_ID
    from reelbench.params import nearest
    from reelbench.serving.questions import Wanted

    known = sorted({str(genre) for own in library.items[GENRES] for genre in own})
    for genre in filters.get("genres", []):
        if genre not in known:
            raise AskError(f"no movie has the genre '{genre}'{nearest(genre, known)}")
    ids = library.items[ITEM_ID]
    best = {str(ids.iloc[library.movie(one)[0]]): library.ids.rating_max for one in liked}
    you = {"user": user or "", "ratings": best}
    asked: dict[str, Any] = {"you": you, "model": model or "", "k": k}
    if title is not None:
        asked = {"way": "similar", "item": str(ids.iloc[library.movie(title)[0]]), "k": k}
        asked |= {"by": model} if model else {}
    try:
        return Wanted.model_validate(asked | filters)
    except ValidationError as error:
        detail = error.errors()[0]
        raise AskError(f"{detail['loc'][0]}: {detail['msg']}") from error


def _filtered(library: Library, *question: Any) -> Answer:
    from reelbench.serving import opinions

    return opinions.filtered(library, _wanted(library, *question))


def open_app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1")] = 7860,
) -> None:
    """Start the web app for recommendations (docs/app.md)."""
    from reelbench.seeds import pin_runtime

    pin_runtime(threads=1)
    from reelbench.serving.app import serve

    serve(port, say=typer.echo)


def open_mcp() -> None:
    """Answer an assistant on standard input and output (docs/recommend.md); extra `mcp`."""
    from reelbench.seeds import pin_runtime

    pin_runtime(threads=1)
    try:
        from reelbench.serving.mcp import server
    except ModuleNotFoundError as error:
        raise AskError(f"{error}: pip install 'reelbench[mcp]'") from error
    server().run("stdio")


def _asked(ask: Callable[[Library], Found]) -> Found:
    """What is found in the library of this folder, without what libraries write meanwhile."""
    from reelbench.seeds import pin_runtime
    from reelbench.serving.library import Library

    pin_runtime(threads=1)  # an answer is too short for more
    with suppress_stderr():
        return ask(Library.read())


def _answer(ask: Callable[[Library], Answer], as_json: bool) -> None:
    answer = _asked(ask)
    if as_json:
        print_json(answer.as_json())
    else:
        print_answer(answer, Console(highlight=False))


def print_json(content: object) -> None:
    """Print one JSON document on standard output, in ASCII where that has no Unicode."""
    plain = not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    typer.echo(json.dumps(content, indent=2, ensure_ascii=plain, allow_nan=False))


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
    starred = any(movie.stars for movie in answer.recommendations)
    table.add_column("stars" if starred else "score", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for movie in answer.recommendations:
        title, why = Text(movie.title_and_year), Text(". ".join(movie.reasons))
        score = "" if movie.score is None else f"{movie.score:.3g}"
        if movie.stars:
            score = "{:.1f} ({:.1f} to {:.1f})".format(*movie.stars)
        table.add_row(f"{movie.rank}", title, score, why)
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
