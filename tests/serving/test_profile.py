"""A typed profile is read as the users of the data set were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts import IDS, N_USERS, TRAIN, VALID, blocks

from reelbench.features.block import Block, Catalogue, Features
from reelbench.features.categories import DemographicsBlock
from reelbench.features.matrices import user_columns
from reelbench.models.base import Recommender
from reelbench.models.ease import EASE
from reelbench.models.network import Network
from reelbench.serving.recommend import Profile, as_block

WORK = ("artist", "doctor", "student")
USERS = pd.DataFrame(
    {
        "age": [20 + user for user in range(N_USERS)],
        "gender": ["FM"[user % 2] for user in range(N_USERS)],
        "occupation": [WORK[user % 3] for user in range(N_USERS)],
        "zip_code": [f"{user % 4}0000" for user in range(N_USERS)],
    }
)


def block(users: pd.DataFrame) -> Block:
    items = pd.DataFrame(index=range(IDS.n_items))
    catalogue = Catalogue(IDS, items, users, pd.DataFrame(), TRAIN)
    return DemographicsBlock(zip_digits=1, min_users=1).build(catalogue)


KNOWN = block(USERS)
NOTHING = block(USERS[[]])


@pytest.mark.parametrize("user", [0, 7, N_USERS - 1])
def test_a_typed_profile_is_the_row_of_such_a_user(user: int) -> None:
    row = USERS.iloc[user]
    profile = Profile(int(row["age"]), row["gender"].lower(), row["occupation"], row["zip_code"])
    made, unknown = as_block(profile, KNOWN)
    assert unknown == []
    np.testing.assert_allclose(user_columns(made, 1)[0], user_columns(KNOWN, N_USERS)[user])


def test_an_unknown_value_is_zeros_and_named() -> None:
    made, unknown = as_block(Profile(30, None, "astronaut", "99999"), KNOWN)
    assert not made["user_occupation"].any() and not made["user_zip_code"].any()
    assert not made["user_gender"].any()
    assert len(unknown) == 2
    assert "'astronaut'" in unknown[0] and "artist, doctor, student" in unknown[0]
    assert "zip code '99999'" in unknown[1]


def test_nothing_typed_is_nothing_known() -> None:
    made, unknown = as_block(Profile(), KNOWN)
    assert not user_columns(made, 1).any() and not unknown


def test_a_data_set_without_demographics() -> None:
    made, unknown = as_block(Profile(30, "F", "artist", "10000"), NOTHING)
    assert user_columns(made, 1).shape == (1, 0)
    names = ("age", "gender", "occupation", "zip code")
    assert unknown == [f"the data set has no {name}" for name in names]


@pytest.mark.slow  # TensorFlow takes its time to start
def test_a_network_scores_a_profile_as_such_a_user() -> None:
    parameters = {
        **{"factors": 3, "user_hidden": [4], "item_hidden": [], "hidden": [], "head": "linear"},
        **{"loss": "mse", "init_std": 0.2, "epochs": 2, "patience": 2, "batch_size": 64},
        **{"learning_rate": 0.03, "regularization": 0.001, "feature_regularization": 1e-5},
        **{"embedding_damping": 1.0, "embedding_dropout": 0.0, "dropout": 0.0, "title_scale": 1.0},
        **{"train_vectors": False, "user_damping": 5.0, "item_damping": 5.0},
        "prior_regularization": 2.0,
    }
    features = Features(IDS, {"demographics": KNOWN, "genres": blocks()["genres"]})
    model = Network(seed=7, threads=1, **parameters).fit(TRAIN, VALID, features)
    assert model.knows_users
    cold = N_USERS - 1
    row = USERS.iloc[cold]
    profile = Profile(int(row["age"]), row["gender"], row["occupation"], row["zip_code"])
    before = model.score([cold, 0])
    scores = scores_of(model, profile)
    np.testing.assert_allclose(scores, before[0], atol=1e-5)
    other = scores_of(model, Profile(70, "M", "artist"))
    assert np.abs(other - scores).max() > 1e-4
    np.testing.assert_array_equal(model.score([cold, 0]), before)


def scores_of(model: Recommender, profile: Profile) -> np.ndarray:
    made, ignored = as_block(profile, KNOWN)
    assert not ignored
    model.describe_unknown_user(user_columns(made, 1)[0])
    return model.score([-1])[0]


def test_other_models_use_no_profile() -> None:
    ease = EASE(regularization=2.0, rating_power=1.0, max_side=99)
    ease.fit(TRAIN, TRAIN, Features(IDS))
    assert not ease.knows_users
    with pytest.raises(NotImplementedError, match="EASE reads no features of users"):
        ease.describe_unknown_user(np.zeros(3))
