"""`index.html`: one file with everything in it, so that it opens anywhere and asks for nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib import resources

import jinja2

from reelbench.reporting import content as content_module
from reelbench.reporting import tables
from reelbench.reporting.content import Content
from reelbench.reporting.figures import Picture
from reelbench.reporting.tuning import COLUMNS


def render(content: Content, pictures: Mapping[str, Sequence[Picture]]) -> str:
    """The whole page.

    Args:
        content: what is reported.
        pictures: by section of the page: leaderboard, costs, differences, training, predictions,
            data.
    """
    # markup in a title or a model's name is text
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data_url"] = _data_url
    environment.filters["cells"] = content_module.describe_pair
    environment.filters["rare_cells"] = content_module.describe_rare
    environment.filters["number"] = tables.number
    environment.filters["describe"] = content_module.describe
    text = resources.files("reelbench.reporting").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(text).render(
        content=content, pictures=pictures, tuning_columns=COLUMNS
    )


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
