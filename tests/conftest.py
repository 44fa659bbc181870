"""Fixtures that several folders of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reelbench.data.errors import DataError
from reelbench.data.sources import DataSection, fetch

CONF = Path(__file__).parents[1] / "conf"


@pytest.fixture(scope="session")
def ml_100k(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the published files of MovieLens 100K, fetched as the pipeline fetches them."""
    section = yaml.safe_load((CONF / "data" / "ml-100k.yaml").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("ml-100k") / "raw"
    try:
        fetch(DataSection(**section), folder)
    except DataError as error:
        pytest.skip(f"MovieLens 100K cannot be fetched here: {error}")
    return folder
