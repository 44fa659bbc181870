"""Parameters of the blend."""

from __future__ import annotations

from hydra.utils import get_class
from pydantic import Field, PositiveInt, field_validator, model_validator

from reelbench import paths
from reelbench.models.base import ModelEntry, Recommender
from reelbench.params import Section, validate

_SOURCE = paths.CONF / "models" / "blend.yaml"


class BlendConfig(Section):
    #: members whose predictions are stacked, as entries of `models` under any name
    raters: dict[str, ModelEntry] = Field(min_length=1)
    #: members whose scores are added for ranking; none: the stacked rating ranks
    rankers: dict[str, ModelEntry]
    #: whether a member's weight may change with the number of ratings of user and item
    weights_by_count: bool
    #: share of train that is held out for the weights where valid is empty
    holdout: float = Field(gt=0, lt=1)
    #: likewise for the weights of the rankers, who are fitted once for each of so many such parts
    ranker_holdout: float = Field(gt=0, lt=1)
    ranker_holdouts: PositiveInt
    #: whether members learn from train and valid together once the weights are known
    refit: bool
    #: length of the lists whose nDCG the weights of the rankers maximise
    k: PositiveInt
    #: a rating counts as relevant in these lists from this value on; null: every rating
    min_relevant_rating: float | None

    @field_validator("raters", "rankers")
    @classmethod
    def _by_name(cls, entries: dict[str, ModelEntry]) -> dict[str, ModelEntry]:
        # weights are stored by place, and a stored config has its keys in this order
        return dict(sorted(entries.items()))

    @property
    def members(self) -> dict[str, ModelEntry]:
        """Raters and rankers; one that is both is fitted once."""
        return {**self.raters, **self.rankers}

    @model_validator(mode="after")
    def _members_are_sound(self) -> BlendConfig:
        for group, entries in (("raters", self.raters), ("rankers", self.rankers)):
            for name, entry in entries.items():
                model: type[Recommender] = get_class(entry.target)
                validate(f"{group}.{name}", entry.parameters, model.Config, _SOURCE)
                if group == "raters" and not model.predicts_ratings:
                    raise ValueError(f"raters.{name} only ranks: name it among rankers")
                if self.raters.get(name, entry) != entry:
                    raise ValueError(f"{name} is a rater and a ranker with different parameters")
        return self
