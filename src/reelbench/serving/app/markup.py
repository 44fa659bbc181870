"""Answers and messages as HTML; everything that comes from data or users is escaped."""

from __future__ import annotations

from html import escape

from reelbench.serving.answer import Answer, Recommendation, capitalized

# Gradio passes HTML through templates of JavaScript and Handlebars, where these mean something
_TEMPLATE = str.maketrans({mark: f"&#{ord(mark)};" for mark in "{}$`@\\"})


def safe(text: str) -> str:
    """Markup that a browser shows as the text.

    >>> safe("<b> ${1}")
    '&lt;b&gt; &#36;&#123;1&#125;'
    """
    return escape(text).translate(_TEMPLATE)


def message(text: str) -> str:
    """A sentence in place of a list."""
    shown = safe(capitalized(text))
    return f'<div class="rb-answer"><p class="rb-note" role="status">{shown}</p></div>'


def answer_page(answer: Answer, label: str, source: str, measured: str) -> str:
    """A heading, the note, and the list.

    Args:
        answer: what is shown.
        label: what the source is, such as "Model:".
        source: the model or similarity that the list comes from.
        measured: its metrics on test in words; may be empty.
    """
    more = f" · {safe(measured)}" if measured else ""
    parts = [
        f'<p class="rb-asked" role="status">{safe(capitalized(answer.asked))}</p>',
        f'<p class="rb-by">{safe(label)} <b>{safe(source)}</b>{more}</p>',
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
