"""Fixtures that several folders of tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import settings
from places import CONF, SHARED

from reelbench.data import DataError
from reelbench.data.fetch import DataSection, fetch

# how long an example takes says nothing on a machine that runs the pipeline beside the tests
settings.register_profile("reelbench", deadline=None)
settings.load_profile("reelbench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: what begins last is waited for by one process alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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


@pytest.fixture(scope="session")
def ml_latest_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the published files of ml-latest-small, from the shared folder or fetched."""
    section = yaml.safe_load((CONF / "data" / "ml-latest-small.yaml").read_text(encoding="utf-8"))
    local = SHARED / "ml-latest-small"
    folder = tmp_path_factory.mktemp("ml-latest-small") / "raw"
    try:
        fetch(DataSection(**section | {"root": str(local) if local.is_dir() else None}), folder)
    except DataError as error:
        pytest.skip(f"ml-latest-small is not in {SHARED} and cannot be fetched: {error}")
    return folder


@pytest.fixture(scope="module")
def java() -> Iterator[None]:
    """End the session of a module and its Java: MLflow asks any session that it finds."""
    yield
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    gateway = SparkContext._gateway
    if gateway is None:
        return
    if (session := SparkSession.getActiveSession()) is not None:
        session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None
