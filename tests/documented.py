"""The commands that README and docs/ tell to type."""

from __future__ import annotations

import re
from pathlib import Path

from places import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: where a sentence has one; "…" stands for something that it leaves open
_INLINE = re.compile(r"`((?:\.venv/bin/)?(?:reelbench|dvc|make) [^`…]*)`")


def commands(page: Path) -> list[str]:
    """Lines of all shell blocks, continued ones joined, and commands within sentences."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    found = [line for line in lines if line.strip() and not line.startswith("#")]
    return found + _INLINE.findall(prose)


ALL = [(page.name, line) for page in PAGES for line in commands(page)]
