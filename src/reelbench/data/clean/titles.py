"""Titles as MovieLens and similar sources write them, split into title, year and other titles.

    >>> parse_title("Usual Suspects, The (1995)")
    Title(title='The Usual Suspects', year=1995, aka=())
    >>> parse_title("Seven (a.k.a. Se7en) (1995)")
    Title(title='Seven', year=1995, aka=('Se7en',))

`parse_title` is pure and never raises. Its results are fixed points: parsing a returned title or
other title gives the same title again, without a year and other titles.
"""

import html
import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Title:
    """The parts of a title."""

    title: str  # NFC, single spaces, article in front, without year and alternative titles
    year: int | None = None  # four digits, the first of a range; None without a year
    aka: tuple[str, ...] = ()  # other titles, normalised likewise, in the order of the source


# as they trail, by language; in another case ("Se, jie") a word is not an article
_ARTICLES = (
    *("The", "A", "An", "Da"),
    *("Le", "La", "Les", "L'", "L\u2019", "Un", "Une"),
    *("Il", "Lo", "I", "Gli", "Uno", "Una"),
    *("El", "Los", "Las", "Els"),
    *("O", "Os", "As", "Um", "Uma"),
    *("Der", "Die", "Das", "Ein", "Eine"),
    *("Den", "Det", "De", "En", "Et", "Ett", "Het"),
)
_ARTICLE = "|".join(sorted(map(re.escape, _ARTICLES), key=len, reverse=True))
# "Usual Suspects, The" and, before a subtitle, "Crow, The: Wicked Prayer"
_TRAILING = re.compile(rf"(?P<rest>.+), (?P<article>{_ARTICLE})(?P<subtitle>: .+)?")

_DASH = "-\u2010-\u2015\u2212"  # hyphens, en and em dashes, minus
# "1995", "2009-", "2006-2007"; IMDb numbers films of the same name and year: "1995/II"
_YEAR = re.compile(rf"(?P<year>1[89]\d\d|20\d\d)(?:/[IVXL]+)?(?: ?[{_DASH}] ?(?:\d\d|\d{{4}})?)?")
# what IMDb writes after a year: video, television, video game; or an unknown year
_MARKER = re.compile(r"V|TV|VG|mini|\?{4}")
_ALSO_KNOWN_AS = re.compile(r"(?:a\.?\s?k\.?\s?a\.?|also known as)[\s:]+", re.IGNORECASE)
# "Birdman: Or (The Unexpected Virtue of Ignorance)": what follows belongs to the title
_CONTINUED = re.compile(r"\b[Oo]r $")
# with its semicolon only: "AT&T" and "Cats &notes" are no entities
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_INVISIBLE = str.maketrans("", "", "\ufeff\u200b\u00ad")


def parse_title(raw: str) -> Title:
    """Split a title into title, year and other titles.

    A trailing article moves to the front if it follows a comma at the end of the title (or of the
    part before a colon), unless the title begins with it already ("Die, Mommie, Die"). Brackets at
    the end, after a space, are a year, a marker of IMDb such as "(V)", or another title; of several
    years the last one counts and the others are titles. A bracket within the title, directly after
    a word ("Frontière(s)") or after "or" stays; an unclosed one extends to the end.
    """
    title, year, groups = _split(raw)
    seen = {title}
    aka: list[str] = []
    while groups:
        inner, _, nested = _split(_ALSO_KNOWN_AS.sub("", groups.pop(0), count=1))
        groups = nested + groups
        if inner and inner not in seen:
            seen.add(inner)
            aka.append(inner)
    return Title(title, year, tuple(aka))


def _split(raw: str) -> tuple[str, int | None, list[str]]:
    """Title, year, and the contents of the other brackets at the end, from left to right."""
    text, year, groups = _tidy(raw), None, list[str]()
    while True:
        rest, content = _last_bracket(text)
        if content is None:
            moved = _tidy(_article_first(text))
            if moved == text:
                return text, year, groups
            text = moved
            continue
        text = _tidy(rest)
        found = _YEAR.fullmatch(content)
        if found and year is None:
            year = int(found["year"])
        elif content and not _MARKER.fullmatch(content):
            groups.insert(0, content)


def _tidy(text: str) -> str:
    """Entities resolved, NFC, runs of white space as one space; a fixed point."""
    while True:
        tidy = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text).translate(_INVISIBLE)
        tidy = " ".join(unicodedata.normalize("NFC", tidy).split())
        if tidy == text:
            return text
        text = tidy


def _last_bracket(text: str) -> tuple[str, str | None]:
    """The text before a bracket at its end, and the content of the bracket; None without one."""
    if text.endswith("))") and text.count(")") > text.count("("):
        text = text[:-1]  # "(Mona ja palavan rakkauden aika) (1983))"
    start = _opening(text)
    if start < 1:
        return text, None
    before, content = text[:start], text[start:]
    while content.startswith("(") and _opening(content) == 0:  # a bracket in a bracket
        content = content[1:].removesuffix(")").strip()
    glued = not before.endswith(" ") and not _YEAR.fullmatch(content)
    if glued or _CONTINUED.search(before):
        return text, None
    return before, content


def _opening(text: str) -> int:
    """Start of the bracket that ends the text, or of the outermost unclosed one; else -1."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        if text[position] == ")":
            depth += 1
        elif text[position] == "(":
            depth -= 1
            if depth == 0 and text.endswith(")"):
                return position
            if depth < 0:
                return position
    return -1


def _article_first(text: str) -> str:
    found = _TRAILING.fullmatch(text)
    if not found or found["rest"].split(maxsplit=1)[0].strip(",") == found["article"]:
        return text
    space = "" if found["article"].endswith(("'", "\u2019")) else " "
    return f"{found['article']}{space}{found['rest']}{found['subtitle'] or ''}"
