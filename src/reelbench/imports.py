"""Files of predictions of other libraries, checked and kept as runs; and our split for them.

docs/foreign.md states the rules.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import NonNegativeFloat

from reelbench import params, paths
from reelbench.columns import ITEM_ID, ITEM_IDX, RANK, RATING, SCORE, USER_ID, USER_IDX
from reelbench.data import DataError, opening
from reelbench.data.identity import KEYS, mismatch, read_identity
from reelbench.data.interactions import Interactions
from reelbench.evaluation.imported import write_run
from reelbench.files import read_json_if_any, sha256_file
from reelbench.params import ParamsError

# how files call a column; the first of the names that is found counts
_SPELLINGS = {
    USER_ID: "user_id user userid uid query_id qid",
    ITEM_ID: "item_id item itemid iid movie_id movieid movie doc_id docno",
    RANK: "rank position",
    SCORE: "score relevance",
    RATING: "predicted_rating predicted prediction pred est rating",
}
_TREC = ["user_id", "q0", "item_id", "place", "score", "tag"]
_PAIR = [USER_IDX, ITEM_IDX]


class Costs(params.Section):
    """What a run cost elsewhere, as far as it is known; seconds, bytes and watt-hours."""

    train_seconds: NonNegativeFloat | None = None
    cpu_seconds: NonNegativeFloat | None = None
    peak_memory_bytes: NonNegativeFloat | None = None
    model_bytes: NonNegativeFloat | None = None
    energy_wh: NonNegativeFloat | None = None
    tuning_cpu_seconds: NonNegativeFloat | None = None


def import_run(
    name: str, file: Path, ratings: Path | None = None, costs: Sequence[str] = ()
) -> list[str]:
    """Keep what a library predicts for the test part; lines on what is kept and what is left out.

    Args:
        name: that of the row on the leaderboard.
        file: rankings, or predicted ratings, or both.
        ratings: predicted ratings, where they have a file of their own.
        costs: such as `train_seconds=12.5`; see `Costs`.

    Raises:
        DataError: a file cannot be read, or has rows that have no meaning.
        ParamsError: the name or a cost cannot be used, or there is no split.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise ParamsError(f"{name}: a name has letters, digits, and any of _.- after the first")
    if name in params.read()["models"] or paths.model_conf(name).is_file():
        raise ParamsError(f"{name} is the name of a model: choose another for the run")
    _check_split()
    if read_json_if_any(paths.SPLIT_COUNTS).get("moments"):
        raise ParamsError("split prequential: test ratings are learned in turn: import no run")
    given = dict(text.partition("=")[::2] for text in costs)
    cost = params.validate("cost", given, Costs, Path("--cost")).model_dump(exclude_none=True)
    table = _read(file)
    if ratings is not None:
        both = [table.drop(columns=RATING), _read(ratings).drop(columns=SCORE)]
        table = pd.concat(both, ignore_index=True)
    left_out: dict[str, int] = {}
    kept = _usable(file, table, left_out)
    identity, files = read_identity(), filter(None, (file, ratings))
    facts = {
        "identity": {key: identity[key] for key in KEYS[1:]},
        "source": {path.name: sha256_file(path) for path in files},
        "left_out": left_out,
        "cost": cost | ({"energy_source": "measured"} if "energy_wh" in cost else {}),
    }
    write_run(name, kept, facts)
    test = Interactions.from_parquet(paths.TEST)
    ranked = kept.loc[kept[SCORE].notna(), USER_IDX].nunique()
    lines = [
        f"{name}: rankings of {ranked:,} of {len(np.unique(test.user_idx)):,} test users, "
        f"predictions of {kept[RATING].count():,} of {len(test):,} test ratings"
    ]
    return lines + [f"left out: {rows:,} rows {what}" for what, rows in left_out.items() if rows]


def remove_run(name: str) -> None:
    """Delete a run; a ParamsError if there is none."""
    if not paths.imported_run(name).is_file():
        known = sorted(run.stem for run in paths.IMPORTED.glob("[!.]*.parquet"))
        raise ParamsError(f"no imported run {name}{params.nearest(name, known)}")
    paths.imported_run(name).unlink()


def export_split(folder: Path) -> list[Path]:
    """Write `train.csv`, `valid.csv`, `test.csv` and, if there is one, `profile.csv`.

    Columns are `user_id` and `item_id` of the source, `rating`, and `timestamp` in Unix seconds. A
    ParamsError if there is no split, or it is not that of the parameters.
    """
    _check_split()
    folder.mkdir(parents=True, exist_ok=True)
    users, items = (ids.to_numpy() for ids in _ids())
    written = []
    for part in filter(Path.exists, (paths.TRAIN, paths.VALID, paths.TEST, paths.PROFILE)):
        rows = pd.read_parquet(part)
        ids = {USER_ID: users[rows.pop(USER_IDX)], ITEM_ID: items[rows.pop(ITEM_IDX)]}
        written.append(folder / f"{part.stem}.csv")
        table = pd.DataFrame(ids | {name: rows[name].to_numpy() for name in rows})
        table.to_csv(written[-1], index=False, lineterminator="\n")
    return written


def _check_split() -> None:
    if not paths.TEST.exists():
        raise ParamsError(f"{paths.TEST} is missing: run `dvc repro split`")
    if reason := mismatch():
        raise ParamsError(reason)


def _ids() -> list[pd.Index]:
    """Ids of the source of users and of movies, in the order of their indices."""
    tables = ((paths.USERS, USER_IDX, USER_ID), (paths.ITEMS, ITEM_IDX, ITEM_ID))
    return [pd.Index(pd.read_parquet(f).sort_values(by)[of].astype(str)) for f, by, of in tables]


def _read(path: Path) -> pd.DataFrame:
    """Ids as text, `score` and `rating` as float64 with NaN for none; ranks become scores."""
    with tempfile.TemporaryDirectory() as scratch:
        content = opening.opened(path, Path(scratch))
        if isinstance(content, pa.Table):
            table = content.to_pandas()
        elif opening.kind(content) == "parquet":
            table = pd.read_parquet(content)
        else:
            table = _text(path, content)
    # RecBole writes `user_id:token`
    names = {str(name).partition(":")[0].strip().lower(): name for name in table}
    found = {
        ours: table[names[next(name for name in theirs.split() if name in names)]]
        for ours, theirs in _SPELLINGS.items()
        if names.keys() & set(theirs.split())
    }
    if missing := [name for name in (USER_ID, ITEM_ID) if name not in found]:
        raise DataError(f"{path}: no column {missing[0]} (the first line has {', '.join(names)})")
    if len(found) == 2:
        raise DataError(f"{path}: no column rank, score or prediction beside user_id and item_id")
    if table.empty:
        raise DataError(f"{path}: no rows")
    for name in found.keys() & {RANK, SCORE, RATING}:
        found[name] = pd.to_numeric(found[name], errors="coerce").astype(np.float64)
        # a rating that a library could not predict is none; a place in a ranking is there or not
        wrong = np.isinf(found[name]) if name == RATING else ~np.isfinite(found[name])
        if wrong.any():
            raise DataError(f"{path}: row {int(np.argmax(wrong)) + 1}: {name} is no finite number")
    score = -found[RANK] if RANK in found else found.get(SCORE, np.nan)
    ids = {name: found[name].map(opening.as_text) for name in (USER_ID, ITEM_ID)}
    return pd.DataFrame(ids | {SCORE: score, RATING: found.get(RATING, np.nan)})


def _text(path: Path, content: Path) -> pd.DataFrame:
    """Delimited text with a header, or a TREC run without."""
    try:
        with content.open(encoding="utf-8-sig") as stream:
            first = stream.readline()
        if len(words := first.split()) == len(_TREC) and words[1].upper() == "Q0":
            return pd.read_csv(content, sep=r"\s+", header=None, names=_TREC, dtype=str)
        delimiter = max("\t,;|", key=first.count)
        return pd.read_csv(content, sep=delimiter, dtype=str, encoding="utf-8-sig")
    except ValueError as error:  # rows of unequal length, or no text in UTF-8
        raise DataError(f"{path}: {str(error).strip().splitlines()[-1]}") from error


def _usable(file: Path, table: pd.DataFrame, left_out: dict[str, int]) -> pd.DataFrame:
    """Columns as `write_run` keeps them; counts the rows that are left out, by reason."""
    names = (("user", USER_ID, USER_IDX), ("movie", ITEM_ID, ITEM_IDX))
    for ids, (noun, name, index) in zip(_ids(), names, strict=True):
        table[index] = ids.get_indexer(pd.Index(table[name]))
        if (table[index] < 0).all():
            raise DataError(
                f"{file}: the data have no {noun} '{table[name].iloc[0]}', nor any other of the "
                "file: write ids of the source, as `reelbench export-split` does"
            )
    parts = (paths.TRAIN, paths.VALID, paths.TEST, paths.PROFILE)
    train, valid, test, *profile = (Interactions.from_parquet(p) for p in parts if p.exists())
    known = Interactions.concat(train, valid, *profile)
    pairs = pd.MultiIndex.from_frame(table[_PAIR])
    seen, tested = (pairs.isin(pd.MultiIndex.from_arrays(p.columns()[:2])) for p in (known, test))
    kept = np.ones(len(table), dtype=bool)
    for what, rows in {
        "of unknown users": table[USER_IDX] < 0,
        "of unknown movies": table[ITEM_IDX] < 0,
        "of users without a test rating": ~table[USER_IDX].isin(test.user_idx),
        "of movies that the user has rated before": table[SCORE].notna() & seen & ~tested,
        "of predictions for other ratings than test": table[SCORE].isna() & ~tested,
    }.items():
        left_out[what] = int((rows & kept).sum())
        kept &= ~rows
    table = table[kept].assign(**{RATING: table[RATING].where(tested)})
    for name in (SCORE, RATING):
        own = table[table[name].notna()]
        if own.duplicated(_PAIR).any():
            row = own[own.duplicated(_PAIR)].iloc[0]
            told = f"user {row[USER_ID]} has movie {row[ITEM_ID]} twice: keep one row"
            raise DataError(f"{file}: {told}")
    if table[[SCORE, RATING]].isna().to_numpy().all():
        raise DataError(f"{file}: no row is of a test user and a movie that is new to the user")
    by_user = table[SCORE].groupby(table[USER_IDX])
    single = table[SCORE].astype(np.float32)
    if by_user.nunique().sum() > single.groupby(table[USER_IDX]).nunique().sum():
        # single precision would make ties, and the order is what counts
        single = -by_user.rank(method="dense", ascending=False).astype(np.float32)
    types = dict.fromkeys(_PAIR, "int32") | dict.fromkeys((SCORE, RATING), "float32")
    return table.assign(**{SCORE: single})[list(types)].astype(types)
