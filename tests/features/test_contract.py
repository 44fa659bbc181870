"""Every block keeps the contract of `block_contract`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import ClassVar

import numpy as np
import pytest
from block_contract import WARM_ITEMS, BlockContract

import reelbench.features
from reelbench.columns import (
    BUDGET,
    DIRECTOR,
    KEYWORDS,
    OCCUPATION,
    OVERVIEW,
    RUNTIME,
    TITLE,
    YEAR,
    ZIP_CODE,
)
from reelbench.features.block import Block, FeatureBlock, IdsBlock
from reelbench.features.categories import (
    CastBlock,
    CategoriesBlock,
    DemographicsBlock,
    DirectorsBlock,
    GenresBlock,
)
from reelbench.features.numeric import NoiseBlock, NumericBlock, YearsBlock
from reelbench.features.text import TextBlock, TitlesBlock
from reelbench.features.tfidf import RowTagsBlock, TfidfBlock

TEXTS = {"batch_size": 8, "head": True, "columns": [OVERVIEW]}


class TestIds(BlockContract):
    block_class = IdsBlock
    tables = ("n_users", "n_items", "rating_scale")
    width_of_nothing = None


class TestNoise(BlockContract):
    block_class = NoiseBlock
    parameters: ClassVar = {"columns": 3}
    width_of_nothing = None


class TestGenres(BlockContract):
    block_class = GenresBlock


class TestDirectors(BlockContract):
    block_class = DirectorsBlock


class TestCast(BlockContract):
    block_class = CastBlock
    parameters: ClassVar = {"columns": [DIRECTOR, KEYWORDS], "min_items": 1}


class TestCategories(BlockContract):
    block_class = CategoriesBlock
    parameters: ClassVar = {"items": [YEAR], "users": [ZIP_CODE, OCCUPATION], "lengths": [TITLE]}


class TestDemographics(BlockContract):
    block_class = DemographicsBlock
    parameters: ClassVar = {"zip_digits": 1, "min_users": 1}
    tables = ("age_moments",)


class TestYears(BlockContract):
    block_class = YearsBlock
    tables = ("moments",)
    width_of_nothing = 1  # every data set has the column


class TestNumeric(BlockContract):
    block_class = NumericBlock
    parameters: ClassVar = {
        "columns": [BUDGET, RUNTIME],
        "log": [BUDGET],
        "zero_is_missing": [BUDGET],
    }
    tables = ("moments",)


class TestTags(BlockContract):
    block_class = TfidfBlock
    parameters: ClassVar = {
        "columns": [KEYWORDS],
        "user_tags": True,
        "max_terms": 9,
        "distinct": True,
    }


class TestOverviews(BlockContract):
    block_class = TfidfBlock
    parameters: ClassVar = {
        "columns": [OVERVIEW],
        "user_tags": False,
        "max_terms": 9,
        "distinct": False,
    }


class TestRowTags(BlockContract):
    block_class = RowTagsBlock
    parameters: ClassVar = {"max_terms": 9}


class TestTitles(BlockContract):
    block_class = TitlesBlock
    parameters: ClassVar = {"max_tokens": 3}
    tables = ("vectors",)

    def learned(self, block: Block) -> dict[str, np.ndarray]:
        """The vectors are given, so the words of cold titles are in the table too."""
        tokens = block["tokens"][WARM_ITEMS]
        return {"vectors": block["vectors"][tokens], "words": block["words"][tokens]}


@pytest.mark.slow  # imports torch
class TestText(BlockContract):
    block_class = TextBlock
    parameters: ClassVar = TEXTS


class TestStaticText(BlockContract):
    block_class = TextBlock
    parameters: ClassVar = {**TEXTS, "encoder": "wordllama"}


class TestGloVeText(BlockContract):
    block_class = TextBlock
    parameters: ClassVar = {**TEXTS, "encoder": "glove", "pooling": "both"}


@pytest.mark.slow  # reads a vocabulary of 128,000 pieces
class TestUSEText(BlockContract):
    block_class = TextBlock
    parameters: ClassVar = {**TEXTS, "encoder": "use"}


def test_no_block_is_missing() -> None:
    for module in pkgutil.iter_modules(reelbench.features.__path__, "reelbench.features."):
        importlib.import_module(module.name)
    tested = {contract.block_class for contract in BlockContract.__subclasses__()}
    blocks = [b for b in FeatureBlock.__subclasses__() if b.__module__.startswith("reelbench.")]
    assert [block.__name__ for block in blocks if block not in tested] == []
