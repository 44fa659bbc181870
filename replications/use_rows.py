"""Rows in which somebody uses a system: typed into a menu or an app, answered as ours answers."""

from __future__ import annotations

import numpy as np

from reelbench.columns import TITLE, USER_ID
from reelbench.serving.answer import Answer
from reelbench.serving.library import Library
from reelbench.serving.profile import Profile
from reelbench.serving.recommend import for_profile, for_user
from reelbench.serving.similar import similar
from replications.list_rows import LENGTH
from replications.workspace import Ran

# one of the data set's own occupations and zip codes
_SOMEBODY = Profile(age=24, gender="M", occupation="student", zip_code="10003")


def of_profile(ran: Ran, model: str) -> str:
    """What a typed profile gets."""
    library = Library.read(ran.folder)
    return told(for_profile(library, _SOMEBODY, LENGTH, model))


def of_first_user(ran: Ran, model: str) -> str:
    """What the id of the first user who rated something in train gets."""
    library = Library.read(ran.folder)
    user_id = str(library.users[USER_ID][int(np.min(library.train.user_idx))])
    return told(for_user(library, user_id, LENGTH, model))


def of_typed_title(ran: Ran, likeness: str, genre_weights: tuple[float, ...] = (0.5,)) -> str:
    """What the most rated title gets, by each position of the slider."""
    library = Library.read(ran.folder)
    title = str(library.items[TITLE][int(library.count.argmax())])
    lists = []
    for weight in genre_weights:
        slider = f" (genres {weight:g})" if len(genre_weights) > 1 else ""
        lists.append(told(similar(library, title, LENGTH, likeness, weight), slider))
    return " ".join(lists)


def told(answer: Answer, more: str = "") -> str:
    """Who asked, which model or likeness answers, the titles, and what the answer notes."""
    titles = ", ".join(recommendation.title for recommendation in answer.recommendations)
    asked = f"{answer.asked[:1].upper()}{answer.asked[1:]}{more}"
    note = f" ({answer.note})" if answer.note else ""
    return f"{asked}, by {answer.model}: {titles or 'none'}{note}."
