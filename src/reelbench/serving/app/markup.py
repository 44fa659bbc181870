"""Answers and sentences as HTML, with everything that comes from data or users escaped."""

from __future__ import annotations

from html import escape

from reelbench.serving.answer import Answer, Recommendation

# Gradio passes HTML through templates of JavaScript and Handlebars, where these mean something
_TEMPLATE = str.maketrans({mark: f"&#{ord(mark)};" for mark in "{}$`@\\"})


def safe(text: str) -> str:
    """Text that a browser shows as it is, whatever it looks like."""
    return escape(text).translate(_TEMPLATE)


def sentence(text: str) -> str:
    """What is said in place of a list."""
    return (
        f'<div class="rb-answer"><p class="rb-note" role="status">{safe(_capital(text))}</p></div>'
    )


def answer_page(answer: Answer, by: str, measured: str) -> str:
    """A heading, the note, and the list.

    Args:
        by: who answers, in words.
        measured: how good it is on test, in words; may be empty.
    """
    more = f" · {safe(measured)}" if measured else ""
    parts = [
        f'<p class="rb-asked" role="status">{safe(_capital(answer.asked))}</p>',
        f'<p class="rb-by">Answered by <b>{safe(by)}</b>{more}</p>',
    ]
    if answer.note:
        parts.append(f'<p class="rb-note">{safe(answer.note)}</p>')
    rows = "".join(_row(movie) for movie in answer.recommendations)
    parts.append(f"<ol>{rows}</ol>" if rows else "<p>No movie is left to recommend.</p>")
    return f'<div class="rb-answer">{"".join(parts)}</div>'


def _row(movie: Recommendation) -> str:
    year = "" if movie.year is None else f" ({movie.year})"
    genres = safe(", ".join(movie.genres))
    why = "".join(f"<li>{safe(reason)}</li>" for reason in movie.reasons)
    return (
        f'<li><div class="rb-head"><span class="rb-rank">{movie.rank}</span>'
        f'<span class="rb-title"><b>{safe(movie.title)}</b>{year}</span>'
        f'<span class="rb-score" title="What the list is ordered by">{movie.score:.3g}</span></div>'
        f'<div class="rb-genres">{genres}</div><ul>{why}</ul></li>'
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
