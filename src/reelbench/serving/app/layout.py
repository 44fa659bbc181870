"""The page of the app: its boxes, and the question behind each button. Imports Gradio."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import pandas as pd
import yaml
from gradio.components import Component

from reelbench.columns import GENDER, OCCUPATION
from reelbench.data.identity import label, read_data
from reelbench.serving.app import BEST, CONTENT, LONGEST, TEXT, Leaderboard, Questions
from reelbench.serving.library import Library
from reelbench.serving.recommend import GENRE_WEIGHT
from reelbench.serving.trained_models import DEMOGRAPHICS

#: keywords of Gradio's classes, and `launch` of the page
LOOKS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("app.yaml").read_text("utf-8"))


def build(questions: Questions) -> gr.Blocks:
    """The page, not launched yet."""
    library, ids = questions.library, questions.library.ids
    with gr.Blocks(title="reelbench", analytics_enabled=False) as page:
        about = (
            f"{label(read_data(library.root))}: {ids.n_users:,} users, {ids.n_items:,} movies, "
            f"{len(library.train):,} ratings in train, {len(library.models.names)} trained models."
        )
        gr.Markdown(f"# reelbench\n{about}", elem_classes="rb-top")
        for title, fill in (("Movies", _movies), ("Liked", _liked), ("Profile", _profile)):
            with gr.Tab(title, id=title.lower()):
                fill(questions)
        with gr.Tab("Leaderboard", id="leaderboard"):
            _leaderboard(library.root)
    return page


def _movies(questions: Questions) -> None:
    names = questions.library.models.best_first
    choices = [BEST, CONTENT, TEXT, *(name for name in names if name != CONTENT)]
    box = _box("movies")
    with gr.Row():
        k, model = _wanted(choices)
        weight = _weight(questions.library)
    _asks(questions.movies, "movies", [box, k, model, weight], [box])


def _liked(questions: Questions) -> None:
    titles = gr.Textbox(**LOOKS["boxes"]["liked"])
    with gr.Row():
        k, model = _wanted([BEST, *questions.library.models.best_first])
    _asks(questions.liked, "liked", [titles, k, model])


def _profile(questions: Questions) -> None:
    library = questions.library
    readers = [n for n in library.models.best_first if library.models.reads(n, DEMOGRAPHICS)]
    if not readers:
        gr.Markdown("No trained model uses demographics, so popular movies are shown.")
    with gr.Row():
        age = _box("age")
        gender = _known(library, GENDER, "Gender")
        occupation = _known(library, OCCUPATION, "Occupation")
        zip_code = _box("zip_code")
    with gr.Row():
        k, model = _wanted([BEST, *readers])
    inputs = [age, gender, occupation, zip_code, k, model]
    _asks(questions.profile, "profile", inputs, [age, zip_code])


def _leaderboard(root: Path) -> None:
    board = Leaderboard.read(root)
    if board.table.empty:
        gr.Markdown("There is no leaderboard yet: run `make repro`.")
        return
    gr.Markdown("On test. Click a heading to sort; models without an RMSE predict no ratings.")
    if board.warning:
        gr.Markdown(f"**{board.warning}**")
    digits: dict[Any, Any] = {metric.title: f"{{:.{metric.digits}f}}" for metric in board.metrics}
    kinds: list[Literal["str", "number"]] = [
        "number" if column in digits else "str" for column in board.table
    ]
    styled = board.table.style.format(digits, na_rep="", subset=pd.Index(digits))
    gr.Dataframe(styled, datatype=kinds, **LOOKS["table"])


def _box(name: str) -> gr.Textbox:
    return gr.Textbox(max_length=LONGEST, **LOOKS["boxes"][name])


def _wanted(choices: list[str]) -> tuple[gr.Slider, gr.Dropdown]:
    return gr.Slider(**LOOKS["length"]), gr.Dropdown(
        choices, value=BEST, label="Model", min_width=200
    )


def _weight(library: Library) -> gr.Slider:
    """The slider between tags and genres; disabled if the data set has no tags."""
    tags = bool(library.content.tags.nnz)
    label = "Tags ↔ genres" if tags else "Tags ↔ genres: this data set has no tags"
    info = "For a title, by content: 0 is tags only, 1 is genres only" if tags else None
    value = GENRE_WEIGHT if tags else 1
    return gr.Slider(value=value, interactive=tags, label=label, info=info, **LOOKS["weight"])


def _known(library: Library, column: str, label: str) -> gr.Dropdown:
    """A box with the values of the data set, which accepts others too."""
    users = library.users
    words: set[str] = set(users[column].dropna().astype(str)) if column in users else set()
    return gr.Dropdown(
        ["", *sorted(words)], value="", label=label, allow_custom_value=True, min_width=120
    )


def _asks(
    question: Callable[..., str],
    name: str,
    inputs: Sequence[Component],
    enter: Sequence[gr.Textbox] = (),
) -> None:
    """A button, or Enter in a box, that asks the question, and the answer below it."""
    button = gr.Button("Recommend", variant="primary", elem_id=f"{name}-ask")
    answer = gr.HTML(elem_id=f"{name}-answer")
    events = [button.click, *(box.submit for box in enter)]
    gr.on(events, question, list(inputs), answer, api_name=name, **LOOKS["answer"])
