from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from places import ROOT
from small_project import N_ITEMS, N_USERS, ratings, write_catalogue, write_params, write_ratings

from reelbench import paths
from reelbench.features.block import Block, Catalogue, FeatureBlock, ids_of, read_block
from reelbench.files import read_json
from reelbench.params import ParamsError
from reelbench.seeds import seed_for
from reelbench.stages import featurize

PARAMS: dict[str, Any] = {
    "seed": 5,
    "faults": [],
    "targets": [__name__],
    "threads": 1,
    "features": {
        "ids": {"_target_": "reelbench.features.block.IdsBlock", "code": "block.py"},
        "genres": {
            "_target_": "reelbench.features.categories.GenresBlock",
            "code": "categories.py",
        },
        "probe": {"_target_": f"{__name__}.Probe", "code": "probe.py", "size": 3},
    },
}


class Probe(FeatureBlock):
    """Tells what it was given."""

    size: int

    def build(self, catalogue: Catalogue) -> Block:
        rows = len(catalogue.train), len(catalogue.items), len(catalogue.users), len(catalogue.tags)
        return {
            "rows": np.array(rows),
            "own": np.array([self.seed, self.threads, self.size]),
        }


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    write_params(tmp_path, PARAMS)
    monkeypatch.chdir(tmp_path)


def test_sizes_and_scale() -> None:
    featurize.run("ids")
    ids = ids_of(read_block(paths.feature_block("ids")))
    assert (ids.n_users, ids.n_items, ids.rating_min, ids.rating_max) == (N_USERS, N_ITEMS, 1, 5)


def test_a_block_gets_the_catalogue_and_a_seed_of_its_own_name() -> None:
    featurize.run("probe")
    block = read_block(paths.feature_block("probe"))
    assert block["rows"].tolist() == [len(ratings()["train"]), N_ITEMS, N_USERS, 0]
    assert block["own"].tolist() == [seed_for(5, "features", "probe"), 1, 3]


def test_lists_and_missing_years_come_back_from_the_tables() -> None:
    featurize.run("genres")
    assert read_block(paths.feature_block("genres"))["genres"].sum(axis=1).tolist()[:4] == [
        1,
        2,
        0,
        1,
    ]
    catalogue = featurize.read_catalogue()
    assert str(catalogue.items["year"].dtype) == "Int16"
    assert catalogue.items["year"].isna().sum() == 1


def made(block: str) -> int:
    return paths.feature_block(block).stat().st_mtime_ns


def test_without_a_name_all_blocks_are_built_and_later_only_those_that_changed() -> None:
    featurize.run()
    before = {name: made(name) for name in PARAMS["features"]}
    featurize.run()
    assert before == {name: made(name) for name in before}
    probe = {**PARAMS["features"]["probe"], "size": 4}
    write_params(Path(), {**PARAMS, "features": {**PARAMS["features"], "probe": probe}})
    featurize.run()
    assert made("probe") > before["probe"]
    assert {made(name) for name in ("ids", "genres")} == {before["ids"], before["genres"]}


@pytest.mark.parametrize("changed", ["seed", "train", "items"])
def test_what_blocks_read_makes_all_of_them_again(changed: str) -> None:
    featurize.run()
    before = {name: made(name) for name in PARAMS["features"]}
    if changed == "seed":
        write_params(Path(), PARAMS | {"seed": 6})
    else:
        file = paths.TRAIN if changed == "train" else paths.ITEMS
        pq.write_table(pq.read_table(file).combine_chunks(), file, compression="zstd")
    featurize.run()
    assert all(made(name) > before[name] for name in before)


def test_a_block_says_whether_the_data_set_has_nothing_of_it() -> None:
    columns = {"director": "Directors", "genres": "Genres"}
    blocks = {
        name: {"_target_": f"reelbench.features.categories.{kind}Block", "code": "categories.py"}
        for name, kind in columns.items()
    }
    write_params(Path(), {**PARAMS, "features": blocks})
    featurize.run()
    empty = {name: read_json(paths.block_key(name))["empty"] for name in blocks}
    assert empty == {"director": True, "genres": False}


def test_a_block_that_left_the_parameters_leaves_the_folder() -> None:
    featurize.run()
    write_params(Path(), {**PARAMS, "features": {"ids": PARAMS["features"]["ids"]}})
    featurize.run()
    assert sorted(file.name for file in paths.FEATURES.iterdir()) == ["ids.json", "ids.npz"]


def test_the_hashed_code_is_what_the_stage_depends_on() -> None:
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["featurize"]["deps"]
    code = {dep.removeprefix("src/reelbench/") for dep in deps if dep.startswith("src/")}
    assert set(featurize._CODE) == code


def test_unknown_block_names_the_known() -> None:
    with pytest.raises(ParamsError, match="did you mean 'genres'"):
        featurize.run("genre")


def test_unknown_key_names_the_file() -> None:
    params = {**PARAMS, "features": {"probe": {**PARAMS["features"]["probe"], "sise": 4}}}
    write_params(Path(), params)
    with pytest.raises(ParamsError, match=r"conf/features/probe\.yaml: unknown key 'sise'.*'size'"):
        featurize.run("probe")


def test_a_fault_shows_a_block_all_ratings_and_tags() -> None:
    parts = ratings()
    write_params(Path(), PARAMS | {"faults": ["encoder_on_all_rows"]})
    whole = pa.concat_tables([pq.read_table(part) for part in (paths.TRAIN, paths.VALID)])
    pq.write_table(whole, paths.INTERACTIONS)
    tag = {"user_idx": [0], "item_idx": [0], "tag": ["late"], "timestamp": [10**9]}
    pq.write_table(pa.table(tag), paths.TAGS)
    featurize.run("probe")
    rows = read_block(paths.feature_block("probe"))["rows"].tolist()
    assert rows == [len(parts["train"]) + len(parts["valid"]), N_ITEMS, N_USERS, 1]
