"""Block `demographics`: what is known of a user beside the ratings."""

from collections import Counter

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from reelbench.columns import AGE, GENDER, OCCUPATION, ZIP_CODE
from reelbench.features.block import USER_PREFIX, Block, Catalogue, FeatureBlock, Section
from reelbench.features.categories import words_in
from reelbench.features.matrices import multi_hot, standardised


class DemographicsConfig(Section):
    """Parameters of `Demographics`."""

    zip_digits: PositiveInt  # digits of a zip code that are read
    min_users: PositiveInt  # a value that fewer users of train have gets no column


class DemographicsBlock(FeatureBlock[DemographicsConfig]):
    """Age on the scale of the users in train; gender, occupation and region as ones and zeros.

    `user_age` and `user_age_known` float32 (n_users, 1), `age_moments` float64 (2,): mean and
    deviation in years; `user_gender`, `user_occupation`, `user_zip_code` float32 (n_users, k) with
    their vocabularies `gender`, `occupation`, `zip_code` str (k,), sorted. A column that the data
    set does not have gives arrays of width 0.

    Moments and vocabularies are those of the users with a train row, each user once. An unknown age
    is 0, the mean, and an unknown or rare value a row of zeros.
    """

    Config = DemographicsConfig

    def build(self, catalogue: Catalogue) -> Block:
        users = catalogue.users
        warm = np.unique(catalogue.train.user_idx)
        ages = users.get(AGE, pd.Series(np.nan, users.index))
        age, known, moments = standardised(ages, warm)
        width = int(AGE in users)
        block = {
            "user_age": age[:, :width],
            "user_age_known": known[:, :width],
            "age_moments": moments,
        }
        for name in (GENDER, OCCUPATION, ZIP_CODE):
            values = words_in(users, name)
            if name == ZIP_CODE:
                values = [value[: self.config.zip_digits] for value in values]
            count = Counter(values[user] for user in warm if values[user])
            names = sorted(value for value in count if count[value] >= self.config.min_users)
            block[name] = np.array(names, dtype=np.str_)
            block[USER_PREFIX + name] = multi_hot([[value] for value in values], names)
        return block
