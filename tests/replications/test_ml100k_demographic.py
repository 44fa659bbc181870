"""System E: the printed list of one user, and what a network without ids cannot tell apart."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.models.popularity import Popularity
from replications import ml100k_demographic as module
from replications.ml100k_demographic import SYSTEM
from replications.runs import Ran

IDS = ("1126", "1128", "340", "562", "871", "9")


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Six movies, of which user 567 has rated the most popular one and one that is printed."""
    titles = [*SYSTEM.row("e_ids").printed, "Dead Man Walking (1995)"]
    items = pd.DataFrame({"item_id": IDS, "title_raw": titles, "year": [1958, *[1995] * 5]})
    items["genres"] = [["Drama"], ["Documentary"], ["Drama"], ["Western"], ["Comedy"], ["Drama"]]
    users = pd.DataFrame(
        {
            "user_id": ["1", "567"],
            "age": [30, 24],
            "gender": ["F", "M"],
            "occupation": ["artist", "entertainment"],
            "zip_code": ["20000", "10003"],
        }
    )
    rows = pd.DataFrame({"user_idx": [0, 1, 0, 0, 1], "item_idx": [5, 5, 4, 3, 2]})
    rows = rows.assign(rating=[5.0, 4.0, 4.0, 4.0, 3.0], timestamp=0)
    folder = Ran(tmp_path, {}, 0.0, 0)
    for file, table in ((paths.ITEMS, items), (paths.USERS, users), (paths.INTERACTIONS, rows)):
        folder.file(file).parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(folder.file(file))
    train = Interactions.from_arrays(rows["user_idx"], rows["item_idx"], rows["rating"])
    Popularity().fit(train).save(folder.file(paths.model_dir("ml100k_network")))
    return folder


def test_a_list_keeps_what_the_user_has_rated(ran: Ran) -> None:
    found = module._list(SimpleNamespace(run=lambda variant: ran))
    assert found["e_profile"].listed == SYSTEM.row("e_profile").printed
    assert found["e_ids"].listed == SYSTEM.row("e_ids").printed
    listed = found["e_list"]
    assert listed.listed[0] == "Dead Man Walking (1995)" and len(listed.listed) == 5
    (fault,) = listed.worth
    # four movies are left without the two rated ones, so one of five places has a rated one
    assert fault.fault == "seen_listed" and fault.difference == pytest.approx(0.2)
    assert "33 % of the movies share" in listed.shown
    assert "the user has rated 1: 3." in listed.shown
