"""Answers and messages as HTML; everything that comes from data or users is escaped."""

from __future__ import annotations

import jinja2

from reelbench.serving.answer import Answer, capitalized

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("reelbench.serving.app", ""), autoescape=True
)
_PAGES.filters["capitalized"] = capitalized
_MESSAGE = (
    '<div class="rb-answer"><p class="rb-note" role="status">{{ text | capitalized }}</p></div>'
)
# Gradio passes HTML through templates of JavaScript and Handlebars, where these mean something
_TEMPLATE = str.maketrans({mark: f"&#{ord(mark)};" for mark in "{}$`@\\"})


def message(text: str) -> str:
    """A sentence in place of a list.

    >>> message("<b> ${1}")
    '<div class="rb-answer"><p class="rb-note" role="status">&lt;b&gt; &#36;&#123;1&#125;</p></div>'
    """
    return _PAGES.from_string(_MESSAGE).render(text=text).translate(_TEMPLATE)


def answer_page(answer: Answer, label: str, source: str, measured: str) -> str:
    """A heading, the note, and the list.

    Args:
        label: what the source is, such as "Model:".
        source: the model or similarity that the list comes from.
        measured: its metrics on test in words; may be empty.
    """
    shown = {"answer": answer, "label": label, "source": source, "measured": measured}
    return _PAGES.get_template("answer.html").render(shown).translate(_TEMPLATE)
