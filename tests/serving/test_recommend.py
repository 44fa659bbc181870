"""Recommendations, their models and reasons, on a small project."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from serving_samples import blocks, models, train, write_project
from small_project import N_ITEMS, ratings

from reelbench import paths
from reelbench.columns import GENRES, YEAR
from reelbench.serving import AskError
from reelbench.serving.library import Library
from reelbench.serving.recommend import (
    Profile,
    for_liked,
    for_profile,
    for_ratings,
    for_user,
    popular,
    similar,
)

MODELS = models()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, MODELS)
    return folder


@pytest.fixture(scope="module")
def library(folder: Path) -> Library:
    return Library.read(folder)


def seen_by(user: int) -> set[str]:
    parts = (ratings()[name] for name in ("train", "valid"))
    return {str(i) for part in parts for i in part.loc[part["user_idx"] == user, "item_idx"]}


def test_a_user_is_answered_by_the_best_of_the_leaderboard(library: Library) -> None:
    answer = for_user(library, "4", k=5)
    assert (answer.model, answer.note) == ("warp", "")
    scores = MODELS["warp"].score([4])[0]
    seen = {int(item) for item in seen_by(4)}
    expected = [i for i in np.argsort(-scores, kind="stable") if i not in seen][:5]
    assert [int(r.item_id) for r in answer.recommendations] == expected
    assert [r.rank for r in answer.recommendations] == [1, 2, 3, 4, 5]
    assert [r.score for r in answer.recommendations] == pytest.approx(scores[expected])


def test_a_list_is_never_longer_than_the_catalogue(library: Library) -> None:
    """A place takes eight bytes: so many places would take eight gigabytes."""
    tracemalloc.start()
    found = for_user(library, "4", k=10**9).recommendations
    assert [f.item_id for f in found] == [
        f.item_id for f in for_user(library, "4", k=N_ITEMS).recommendations
    ]
    assert tracemalloc.get_traced_memory()[1] < 10**8
    tracemalloc.stop()


def test_number_and_mean_are_those_of_train(library: Library) -> None:
    part = train()
    for found in for_user(library, "4", k=N_ITEMS).recommendations:
        own = part.rating[part.item_idx == int(found.item_id)]
        assert found.rating_count == len(own)
        if len(own):
            assert found.rating_mean == pytest.approx(own.mean(), rel=1e-6)
            assert f"{len(own)} rating" in found.reasons[-1]
        else:
            assert found.rating_mean is None and found.reasons[-1] == "No ratings yet"


def test_reasons_name_movies_that_the_user_rated_high(library: Library) -> None:
    items, given = library.rated(4)
    high = {library.title(i, f"rated {r:g}") for i, r in zip(items, given, strict=True) if r >= 4}
    low = {library.title(i, f"rated {r:g}") for i, r in zip(items, given, strict=True) if r <= 2}
    text = " ".join(r for m in for_user(library, "4").recommendations for r in m.reasons)
    assert any(title in text for title in high)
    assert not any(title in text for title in low)


def test_director_tags_and_genres_are_reasons(library: Library) -> None:
    by_id = {m.item_id: m for m in for_liked(library, ["Heat 0"], k=N_ITEMS).recommendations}
    assert "Directed by p, like Heat 0 (1960)" in by_id["5"].reasons
    # 12 has the tag of 0 (12 % 6 = 0) and its genres (12 % 4 = 0)
    assert "Shares u and Drama with Heat 0 (1960)" in by_id["12"].reasons
    assert not any("Shares" in reason or "like " in reason for reason in by_id["7"].reasons)


def test_people_without_a_name_are_counted_and_their_ids_not_shown(library: Library) -> None:
    two = library.title(2)
    by_id = {m.item_id: m for m in for_liked(library, [two], k=N_ITEMS).recommendations}
    assert f"Shares the director with {two}" in by_id["4"].reasons
    assert f"Shares 2 actors with {two}" in by_id["4"].reasons
    assert f"Shares 1 actor with {two}" in by_id["8"].reasons
    assert not any("director" in reason for reason in by_id["8"].reasons)
    three = library.title(3)
    both = for_liked(library, [two, three], k=N_ITEMS).recommendations
    by_id = {m.item_id: m for m in both}
    assert f"Shares Tom Hanks and 2 other actors with {three}" in by_id["8"].reasons
    assert not any("id:" in reason for m in both for reason in m.reasons)


def test_an_unknown_user_gets_popular_movies_and_a_note(library: Library) -> None:
    answer = for_user(library, "nobody", k=3)
    assert answer.model == "weighted_mean"
    assert "User 'nobody' is not in the data set." in answer.note and "Popular" in answer.note
    order = np.argsort(-MODELS["weighted_mean"].score([-1])[0], kind="stable")[:3]
    assert [int(r.item_id) for r in answer.recommendations] == order.tolist()
    assert popular(library, 3).recommendations == answer.recommendations


def test_liked_titles_are_folded_in_by_the_best_model_that_can(library: Library) -> None:
    answer = for_liked(library, ["Heat 0", "ocens eleven 1"], k=4)
    assert answer.model == "ease"
    assert answer.note == "'ocens eleven 1' was read as Ocean's Eleven 1 (1961)."
    assert not {"0", "1"} & {r.item_id for r in answer.recommendations}
    assert answer.asked == "a new user who likes Heat 0 (1960), Ocean's Eleven 1 (1961)"


def test_likes_decide(library: Library) -> None:
    """Users of even numbers like even movies, so a new user who likes some gets others."""
    for rest in (0, 1):
        liked = {item: 5.0 for item in range(rest, 12, 2)} | {
            item: 1.0 for item in range(1 - rest, 12, 2)
        }
        top = for_ratings(library, liked, k=4).recommendations
        assert sum(int(r.item_id) % 2 == rest for r in top) >= 3


def test_a_model_that_cannot_is_replaced_and_the_note_says_so(library: Library) -> None:
    answer = for_liked(library, ["Heat 0"], model="warp")
    assert answer.model == "ease"
    assert answer.note.startswith("Model warp has no fold-in for new users; ease")
    same = for_user(library, "4", model="global_mean")
    assert same.model == "warp" and "global_mean gives every movie the same score" in same.note
    profile = for_profile(library, Profile(age=30), model="ease")
    assert profile.model == "weighted_mean"
    assert "Model ease does not use age" in profile.note and "Popular" in profile.note


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda lib: for_user(lib, "4", model="nope"),
            "no trained model 'nope'.*global_mean, popularity",
        ),
        (lambda lib: for_user(lib, "nobody", model="nope"), "no trained model 'nope'"),
        (lambda lib: for_user(lib, "4", k=0), "at least 1 movie"),
        (lambda lib: popular(lib, k=-1), "at least 1 movie"),
        (lambda lib: for_liked(lib, []), "at least one movie"),
        (lambda lib: for_liked(lib, ["zzzz"]), "no movie is called 'zzzz'"),
        (lambda lib: for_liked(lib, ["", "Heat 0"]), "no movie is called ''"),
        (lambda lib: for_liked(lib, ["winters"]), "closest titles are: .*Winter's Bone"),
        (lambda lib: for_ratings(lib, {0: 9.0}), "between 1 and 5, not 9"),
        (lambda lib: for_profile(lib, Profile(age=-3)), "between 0 and 120"),
        (lambda lib: similar(lib, "Heat 0", k=0), "at least 1 movie"),
        (lambda lib: similar(lib, "Heat 0", genre_weight=7), "between 0 and 1"),
        (lambda lib: similar(lib, "Heat 0", model="nope"), "no trained model 'nope'"),
    ],
)
def test_nonsense_gets_a_sentence(
    library: Library, ask: Callable[[Library], object], message: str
) -> None:
    with pytest.raises(AskError, match=message):
        ask(library)


def test_similar_movies_by_content(library: Library) -> None:
    answer = similar(library, "heat 0", k=30, model="content")
    ids = [int(r.item_id) for r in answer.recommendations]
    assert answer.model == "content" and ids[0] == 5  # of the same director
    assert ids[1] == 12  # the same genres and tags
    assert set(ids[2:]) == {i for i in range(1, N_ITEMS) if i % 4 == 0 or i % 6 == 0} - {12}
    genres_only = similar(library, "heat 0", k=30, genre_weight=1.0).recommendations
    assert {int(r.item_id) for r in genres_only} == {5, *range(4, N_ITEMS, 4)}


def test_of_equally_similar_movies_those_with_more_ratings_lead(library: Library) -> None:
    found = similar(library, "Star Night 2", k=30, genre_weight=1.0).recommendations
    counts = [r.rating_count for r in found if r.score == pytest.approx(1.0)]
    assert len(counts) > 2 and counts == sorted(counts, reverse=True)


def test_similar_movies_by_text_and_by_a_model(library: Library) -> None:
    by_text = similar(library, "Heat 0", k=30, model="text")
    assert {int(r.item_id) for r in by_text.recommendations} == {6, 12, 18}
    by_ease = similar(library, "Heat 0", k=3, model="ease")
    assert by_ease.model == "ease" and all(0 < r.score <= 1 for r in by_ease.recommendations)
    # users of even numbers like even movies
    assert all(int(r.item_id) % 2 == 0 for r in by_ease.recommendations)


def test_json_has_the_documented_keys(library: Library) -> None:
    for answer in (for_user(library, "4"), similar(library, "Heat 0"), popular(library)):
        content = json.loads(json.dumps(answer.as_json(), allow_nan=False))
        assert list(content) == ["model", "for", "note", "recommendations"]
        for movie in content["recommendations"]:
            assert list(movie) == [
                *("rank", "item_id", "title", "year", "genres"),
                *("score", "rating_mean", "rating_count", "reasons", "stars"),
            ]
            assert isinstance(movie["reasons"], list) and isinstance(movie["genres"], list)


def test_a_movie_without_a_year(library: Library) -> None:
    found = {r.item_id: r for r in popular(library, N_ITEMS).recommendations}
    assert found["3"].year is None and library.title(3) == "The Queen 3"


def test_a_library_of_little(tmp_path: Path) -> None:
    """No leaderboard, tags, directors, genres, years, other titles; one model that cannot."""
    write_project(tmp_path, {"warp": MODELS["warp"]}, tags=False, board=False)
    items = pd.read_parquet(tmp_path / paths.ITEMS).drop(columns=[GENRES, YEAR])
    items.to_parquet(tmp_path / paths.ITEMS)
    for block in blocks(tags=False):
        (tmp_path / paths.feature_block(block)).unlink()
    library = Library.read(tmp_path)
    assert for_user(library, "4").model == "warp"
    liked = for_liked(library, ["Heat 0"])
    assert liked.model == "weighted_mean" and "No trained model can answer" in liked.note
    assert similar(library, "Heat 0").model == "mixed"
    by_warp = similar(library, "Heat 0", model="content")
    assert by_warp.model == "warp"
    assert "No movie is similar by genres, tags or director" in by_warp.note
    assert all(not r.genres and r.year is None for r in by_warp.recommendations)


def test_without_any_model_popular_movies_are_left(tmp_path: Path) -> None:
    write_project(tmp_path, {})
    library = Library.read(tmp_path)
    answer = for_user(library, "4", k=3)
    assert answer.model == "weighted_mean" and not seen_by(4) & {
        r.item_id for r in answer.recommendations
    }


def _of_another_catalogue(folder: Path) -> None:
    file = folder / "model.json"
    content = json.loads(file.read_text())
    content["ids"]["n_items"] += 1
    file.write_text(json.dumps(content))


def _of_another_split(folder: Path) -> None:
    (folder / "inputs.json").write_text(json.dumps({"features": {}, "train": "0" * 64}))


@pytest.mark.parametrize("change", [_of_another_catalogue, _of_another_split])
def test_a_model_left_over_from_other_data_does_not_answer(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    write_project(tmp_path, {name: MODELS[name] for name in ("warp", "ease")})
    change(tmp_path / paths.model_dir("warp"))
    library = Library.read(tmp_path)
    assert for_user(library, "4").model == "ease"
    with pytest.raises(AskError, match="'warp' was trained on other data"):
        for_user(library, "4", model="warp")


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(AskError, match="make repro"):
        Library.read(tmp_path)


def test_a_model_of_another_version_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, {"ease": MODELS["ease"]})
    file = tmp_path / paths.model_dir("ease") / "model.json"
    file.write_text(file.read_text().replace("reelbench.models.ease", "reelbench.models.gone"))
    with pytest.raises(AskError, match="'ease' was saved by another version"):
        for_user(Library.read(tmp_path), "4", model="ease")
