"""Text from templates that stand beside the code."""

from __future__ import annotations

from pathlib import Path

import jinja2


def filled(template: Path, **content: object) -> str:
    """A template of Jinja, filled in; a tag alone on its line leaves no line."""
    loader = jinja2.FileSystemLoader(template.parent)
    environment = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template.name).render(content)
