"""A trained model on a part of the test users, or on a cohort: `reelbench evaluate`, no stage."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reelbench import faults, params, paths
from reelbench.columns import USER_ID
from reelbench.data.interactions import Parts
from reelbench.evaluation import EvaluateConfig, Flags
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.cohorts import Cohort
from reelbench.evaluation.evaluate import evaluate
from reelbench.evaluation.metrics import WholeRankingMetric, find
from reelbench.evaluation.task import Task
from reelbench.features.block import read_block
from reelbench.params import ParamsError, nearest
from reelbench.serving.library import Library

# kind of the properties of a whole list, whatever cohort of items is asked for
_LISTS = "beyond accuracy"


def run(model: str, users: Path | None = None, cohort: str | None = None) -> dict[str, Any]:
    """Evaluate a model of the last run; without a part, on the whole test part.

    Args:
        model: its name; an AskError if there is none, or no results of these data.
        users: text or CSV file with ids of users, as in the source, in its first column.
        cohort: name of a cohort of users or movies, as in `paths.cohorts`, or `BY/NAME`. An unknown
            one, or a part without test ratings or of a faulty protocol, is a ParamsError.

    Returns:
        counts, and by key `metrics`: value and the bounds of its interval. AUC and properties of
        lists are left out for a cohort of movies.
    """
    library, content = Library.read(), params.read()
    recommender = library.models.get(model)
    if named := faults.named(content):
        raise ParamsError(f"faults: {named}: there is no part of a protocol with faults")
    config = params.load("evaluate", EvaluateConfig).model_copy(update={"users": None})
    parts = Parts.read(paths.SPLIT)
    if parts.moments is not None:
        raise ParamsError(
            "split prequential: test ratings are learned in turn: no part stands alone"
        )
    vectors = {config.similarity: read_block(paths.feature_block(config.similarity))}
    movies = Movies.of(pd.read_parquet(paths.ITEMS), vectors)
    chosen, part, of_users = np.ones(len(parts.test), dtype=bool), "all test users", True
    if users is not None:
        chosen, part = _has_id(users, library.users[USER_ID])[parts.test.user_idx], f"{users}"
    if cohort is not None:
        found = _cohort(cohort, Task(parts, library.ids, config, movies).cohorts)
        of_users, part = found.of_users, " and ".join([part] * (users is not None) + [cohort])
        chosen &= found.member[parts.test.user_idx if of_users else parts.test.item_idx]
    if not chosen.any():
        raise ParamsError(f"{part}: there is no test rating")
    few = replace(parts, test=parts.test.select(chosen))
    result = evaluate(recommender, few, config, movies, params.select(content, "seed"))
    table = result.summary()
    if not of_users:
        own = [find(str(key)) for key in table.index]
        table = table[[m.kind != _LISTS and not isinstance(m, WholeRankingMetric) for m in own]]
    counts = {key: result.metrics[key] for key in ("n_test", "n_test_users")}
    everybody = {"n_all_users": len(np.unique(parts.test.user_idx))}
    values = {key: dict(row.dropna()) for key, row in table.iterrows()}
    return {"model": model, "part": part} | counts | everybody | {"metrics": values}


def _has_id(file: Path, known: pd.Series) -> Flags:
    """Which users a file names, bool (n_users,); a first line without a digit is the header."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ParamsError(f"{file}: cannot be read as text: {error}") from error
    first = (re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip("\"'") for line in lines)
    ids = [text for text in first if text]
    place = pd.Index(known).get_indexer(pd.Index(ids))
    if len(place) > 1 and place[0] < 0 and not re.search(r"\d", ids[0]):
        ids, place = ids[1:], place[1:]
    if unknown := [text for text, found in zip(ids, place, strict=True) if found < 0]:
        more = f" (nor {len(unknown) - 1:,} more)" if len(unknown) > 1 else ""
        hint = nearest(unknown[0], list(known)).partition("; known keys")[0]
        raise ParamsError(f"{file}: the data have no user '{unknown[0]}'{more}{hint}")
    member = np.zeros(len(known), dtype=bool)
    member[place] = True
    return member


def _cohort(name: str, known: Sequence[Cohort]) -> Cohort:
    """The cohort of a name, or of `BY/NAME` where several have the name."""
    wanted = name.casefold()
    found = [c for c in known if wanted in (c.name.casefold(), f"{c.by}/{c.name}".casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        both = " and ".join(f"'{one.by}/{one.name}'" for one in found)
        raise ParamsError(f"cohort: '{name}' is the name of {both}: choose one of these")
    raise ParamsError(f"cohort: there is no '{name}'{nearest(name, [one.name for one in known])}")
