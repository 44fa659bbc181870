"""What is loaded before it is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event

import pytest
from serving_samples import BOARD, models, write_project

from reelbench import paths
from reelbench.models.base import Recommender
from reelbench.serving.app import warm
from reelbench.serving.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    write_project(tmp_path, models())
    return Library.read(tmp_path)


def test_on_small_data_every_model_is_ready(library: Library) -> None:
    done = Event()
    warm.read_first(library)
    warm.in_background(library, done.set)
    assert done.wait(30)
    shelf = library.models
    assert set(shelf._loaded) == set(shelf._fold_ins) == set(shelf._scores) == set(shelf.names)


def test_the_best_model_is_ready_before_the_page_opens_unless_it_is_a_network(
    library: Library,
) -> None:
    warm.read_first(library)
    assert set(library.models._loaded) == {"warp"} and not library.models._scores
    other = Library.read(library.root)
    file = library.root / paths.model_dir("warp") / "model.json"
    file.write_text(file.read_text().replace("reelbench.models.warp", "reelbench.models.network"))
    warm.read_first(other)
    assert not other.models._loaded


def test_on_large_data_only_what_answers_by_default(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "_SMALL", 10)
    warm.warm(library)
    best = next(iter(BOARD))
    # profiles are answered by popular movies here
    assert set(library.models._loaded) == {best, "weighted_mean"}
    assert not library.models._scores


def test_what_fails_while_models_are_loaded_is_still_written(
    library: Library, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A question that another thread answers says on the terminal why it failed."""
    loading, written = Event(), Event()

    def load(folder: Path) -> Recommender:
        loading.set()
        assert written.wait(30)
        return kept(folder)

    kept = Recommender.load
    monkeypatch.setattr(Recommender, "load", load)
    done = Event()
    warm.in_background(library, done.set)
    assert loading.wait(30)
    os.write(2, b"why it failed\n")
    written.set()
    assert done.wait(30)
    assert "why it failed" in capfd.readouterr().err


def test_a_model_that_cannot_be_loaded_keeps_no_other_waiting(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    broken = library.root / paths.model_dir("warp")
    for file in broken.glob("*.npz"):
        file.write_bytes(b"")
    warm.warm(library)
    assert set(library.models._loaded) == set(library.models.names) - {"warp"}
    assert "model warp is not ready" in caplog.text
