"""What the columns of files mean: by their names, else by their values; and what stays unsure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import duckdb
import pyarrow as pa

from reelbench.columns import GENRES, ITEM_ID, RATING, TAG, TIMESTAMP, TITLE_RAW, USER_ID
from reelbench.data import DataError
from reelbench.init.layout import WORDS, Look, plain, spelled

TABLES: dict[str, dict[str, list[str]]] = WORDS["columns"]
_IDS = {"ratings": (ITEM_ID, USER_ID), "items": (ITEM_ID,), "users": (USER_ID,)}
_IDS["tags"] = _IDS["ratings"]
_FEW = 0.5  # of the ids of the ratings, in a table that is not theirs
_ISO = "try_cast(v as timestamptz)"
_EXCEL_DAYS = (20_000, 73_050)  # years 1954 to 2099


@dataclass
class Found:
    """What was understood."""

    files: dict[str, Look] = field(default_factory=dict)  # by table
    #: by table: our name → numbers of columns, the likeliest first; of these one is left
    columns: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)  # keys of `data.read`
    times: dict[str, str] = field(default_factory=dict)  # table → time_format, where auto fails
    notes: list[str] = field(default_factory=list)  # what was guessed or left out
    #: key of --set → what is unsure, and the best guess
    unsure: dict[str, tuple[str, str]] = field(default_factory=dict)


def understand(looks: list[Look], given: Mapping[str, str]) -> Found:
    """Give every file and column its role, or that of --set; a DataError without ratings."""
    found = Found()
    largest = {seen.path: max([0, *(f["rows"] for f in seen.facts.values())]) for seen in looks}
    for seen in sorted(looks, key=lambda seen: -largest[seen.path]):
        name = table_of(seen)
        if name is None or name in found.files:
            what = "neither ratings, movies, users nor tags"
            if name:
                what = f"the {name} are in {found.files[name].path.name}"
            found.notes.append(f"{seen.path.name} is not used: {what}")
        else:
            found.files[name], found.columns[name] = seen, _candidates(seen, name, given)
    if "ratings" not in found.files:
        names = "; ".join(f"{one.path.name}: {', '.join(one.names[:12])}" for one in looks)
        raise DataError(
            f"no file has ratings, with a column of users and one of movies ({names}): name them "
            "with --set user_id=COLUMN --set item_id=COLUMN"
        )
    if lost := [key for key in given if "." in key and key.partition(".")[0] not in found.files]:
        raise DataError(f"--set {lost[0]}: no file has {lost[0].partition('.')[0]}")
    for name in [name for name in ("items", "users") if name in found.files]:
        _link(name, _IDS[name][0], found)
    for name in found.files:
        _choose(name, found)
    _describe_ratings(found, given)
    for name in found.files.keys() & {"ratings", "tags"}:
        if told := given.get(f"{name}.time_format", given.get("time_format")):
            found.times[name] = told
        elif place := found.columns[name][TIMESTAMP][:1]:
            _describe_times(found, name, place[0])
    _describe_genres(found)
    found.read |= {key: given[key] for key in ("genre_separator", "no_genre") if key in given}
    found.read |= {k: float(given[k]) for k in ("rating_min", "rating_max") if k in given}
    return found


def hinted(name: str) -> str | None:
    """The table that the name of a file speaks of."""
    hints = WORDS["files"].items()
    return next((t for t, parts in hints if any(p in name.casefold() for p in parts)), None)


def table_of(seen: Look) -> str | None:
    """The table that a file is, by the names of its columns, else by unique values."""
    hint, facts = hinted(seen.path.name), list(seen.facts.values())[:2]
    named = {table: _named(seen, table) for table in TABLES}
    users, items = named["ratings"][USER_ID], named["ratings"][ITEM_ID]
    if users and {*items} - {*users}:
        return "tags" if named["tags"][TAG] and not named["ratings"][RATING] else "ratings"
    if users or (hint == "users" and seen.header and named["users"][USER_ID]):
        return "users"
    if title := named["items"][TITLE_RAW]:
        return "items" if named["items"][ITEM_ID] or title else None
    if len(facts) < 2 or (seen.header and named["items"][ITEM_ID]):
        return None
    if facts[0]["different"] == facts[0]["rows"] or facts[1]["different"] == facts[0]["rows"]:
        texts = [f for f in seen.facts.values() if f["numbers"] < f["given"] / 2]
        return hint if hint in ("items", "users") else "items" if texts else None
    return "tags" if hint == "tags" else "ratings"


def _named(seen: Look, table: str) -> dict[str, list[int]]:
    """Numbers of columns by our name, where their names tell it."""
    found = {}
    for role, words in TABLES[table].items():
        rank = spelled(table, role)
        names = [plain(name) for name in seen.names] if seen.header else []
        known = [n for n, name in enumerate(names, start=1) if rank.get(name) is not None]
        as_written = {n: seen.names[n - 1] not in words for n in known}
        found[role] = sorted(known, key=lambda n: (rank[names[n - 1]], as_written[n]))
    return found


def _candidates(seen: Look, table: str, given: Mapping[str, str]) -> dict[str, list[int]]:
    """Numbers of columns by our name: decided, by name, or else by values."""
    found = _named(seen, table)
    for role in found:
        decided = given.get(f"{table}.{role}", given.get(role))
        if decided in ("null", "none"):
            found[role] = [0]
        elif decided:
            names = [*map(str, range(1, len(seen.names) + 1)), *seen.names, *map(plain, seen.names)]
            places = [n for n, name in enumerate(names) if name in (decided, plain(decided))]
            if places:
                found[role] = [places[-1] % len(seen.names) + 1]
            elif f"{table}.{role}" in given or table == next(
                t for t in TABLES if role in TABLES[t]
            ):
                raise DataError(
                    f"{seen.path} has no column {decided} (--set {role}={decided}), but "
                    f"{', '.join(seen.names[:20])}"
                )
    alone = len(_IDS[table]) == 1
    if alone and any(_named(seen, table)[role] for role in found if role not in _IDS[table]):
        return found if found[_IDS[table][0]] else {**found, _IDS[table][0]: [*seen.facts]}
    ignored = {*WORDS["ignored"]} if seen.header else set()
    used = {places[0] for places in found.values() if places}
    free = [n for n in seen.facts if n not in used and plain(seen.names[n - 1]) not in ignored]
    for role, (rule, order) in WORDS["values"][table].items():
        missing = sum(not found[one] for one in _IDS[table] if role not in _IDS[table])
        if not found[role] and len(free) > missing:
            facts = pa.Table.from_pylist([seen.facts[place] for place in free])
            query = f"select place from facts where {rule} order by {order}"
            asked = duckdb.connect().register("facts", facts).execute(query)
            found[role] = [place for (place,) in asked.fetchall()]
            if role not in _IDS[table] or alone:
                free = [n for n in free if n not in found[role][:1]]
    return found


def _link(name: str, role: str, found: Found) -> None:
    """Take the pair of columns of ids in which most ids of the ratings are found."""
    ratings, other = found.files["ratings"], found.files[name]
    there = found.columns[name][role][:5]
    unique = [n for n, facts in other.facts.items() if facts["different"] == facts["rows"]]
    there += [n for n in unique if n not in there]
    shares = {}
    for a, b in product(found.columns["ratings"][role][:4], there):
        query = WORDS["share"].format(a=a, b=b, ours=ratings.file, theirs=other.file)
        shares[a, b] = duckdb.execute(query).fetchall()[0]
    none = ((0, 0), (0.0, 0.0))
    (a, b), (share, unstripped) = max(shares.items(), key=lambda pair: pair[1][0], default=none)
    said = f"{share:.1%} of the ids in {ratings.path.name} are in {other.path.name}"
    if share < _FEW:
        found.notes.append(f"{other.path.name} is not used: {said}")
        del found.files[name], found.columns[name]
        return
    if share < 1:
        found.notes.append(f"{said} ({ratings.named(a)}, {other.named(b)})")
    if unstripped < share:
        found.read["strip_ids"] = True
    for table, place in (("ratings", a), (name, b)):
        rest = [n for n in found.columns[table][role] if n != place]
        found.columns[table][role] = [place, *rest]


def _choose(table: str, found: Found) -> None:
    """One column for each role; none has two, unless a title is the id."""
    columns, seen = found.columns[table], found.files[table]
    used: list[int] = []
    for role in (*_IDS[table], *(role for role in columns if role not in _IDS[table])):
        free = [n for n in columns[role] if n and n not in used]
        if role == RATING and len(free) > 1 and not _named(seen, table)[role]:
            what = f"Which column of {seen.path.name} has the ratings (null for clicks)?"
            found.unsure[RATING] = what, str(seen.named(free[0]))
        if role in _IDS[table] and not free:
            who = "users" if role == USER_ID else "movies"
            raise DataError(
                f"{seen.path} has no column of {who} among {', '.join(seen.names[:20])}: "
                f"name it with --set {table}.{role}=COLUMN"
            )
        columns[role] = (free or (columns[role] if role == TITLE_RAW else []))[:1]
        used += columns[role]


def _describe_ratings(found: Found, given: Mapping[str, str]) -> None:
    """The most usual scale that has all ratings, or none for clicks."""
    columns, seen = found.columns["ratings"], found.files["ratings"]
    found.read |= {"rating_min": 1, "rating_max": 1}
    ones: dict[str, Any] = {"low": 1, "high": 1}
    facts = seen.facts.get(columns[RATING][0], {}) if columns[RATING] else ones
    low, high = facts.get("low"), facts.get("high")
    if low == high == 1 and not (RATING in given and columns[RATING]):
        columns[RATING] = []
        found.notes.append("no ratings, or all are 1: every row is a click (implicit feedback)")
    elif low is not None and high is not None:
        broken = facts["whole"] < facts["numbers"]
        fits = [(a, b) for a, b in WORDS["scales"] if a <= low and high <= b]
        fits = [(a, b) for a, b in fits if not (broken and a == 1)]
        found.read["rating_min"], found.read["rating_max"] = (*fits, (low, high))[0]
        if low == -1 and high > 1:
            found.notes.append(
                "a rating of -1 may mean 'none': --set rating_min=1 --set on_bad_rows=drop "
                "leaves these rows out"
            )


def _describe_times(found: Found, name: str, place: int) -> None:
    """The notation of times where `auto` does not see it; day or month first by days after 12."""
    seen = found.files[name]
    facts = seen.facts.get(place, {"given": 0, "numbers": 0})
    if facts["numbers"] > facts["given"] / 2:
        if _EXCEL_DAYS[0] <= facts["low"] <= facts["high"] <= _EXCEL_DAYS[1]:
            found.times[name] = "excel_days"
        return
    tried = [_ISO, *(f"try_strptime(v, '{d}{t}')" for d in WORDS["dates"] for t in WORDS["times"])]
    for rows in (200, facts["given"]):  # the few that fit some values are counted on all
        if not tried:
            return
        wanted = ", ".join(f"count({one})" for one in tried)
        text = f"(select distinct trim(\"{place}\") as v from '{seen.file}' limit {rows})"
        counts = duckdb.execute(f"select {wanted} from {text}").fetchall()[0]
        tried = [one for one, n in zip(tried, counts, strict=True) if n == max(counts) > 0]
    if _ISO in tried or not tried:
        return
    tried = [one.split("'")[1] for one in tried]
    monthly = [one for one in tried if one.startswith("%m")]
    european = seen.layout.get("delimiter") == ";" or seen.layout.get("decimal") == ","
    found.times[name] = (monthly if monthly and not european else tried)[0]
    if monthly and len(monthly) < len(tried):
        what = f"Is the day or the month first in the dates of {seen.path.name}?"
        found.unsure[f"{name}.time_format"] = what, found.times[name]


def _describe_genres(found: Found) -> None:
    """What is between genres, and what stands for none."""
    found.read |= {"genre_separator": "|", "no_genre": ""}
    for place in found.columns.get("items", {}).get(GENRES, []):
        seen = found.files["items"]
        query = f"select distinct v from (select \"{place}\" as v from '{seen.file}') where v <> ''"
        values = [value for (value,) in duckdb.execute(query).fetchall()]
        found.read["no_genre"] = next((text for text in WORDS["no_genre"] if text in values), "")
        counts = {mark: sum(mark in v for v in values) for mark in WORDS["genre_separators"]}
        mark = max(counts, key=lambda mark: counts[mark])
        spaced = not counts[mark] and seen.names[place - 1].endswith("_seq")
        found.read["genre_separator"] = " " if spaced else mark
