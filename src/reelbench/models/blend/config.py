"""Parameters of the blend."""

from __future__ import annotations

from pydantic import Field, PositiveInt, field_validator, model_validator

from reelbench import paths
from reelbench.models.base import ModelEntry
from reelbench.params import Section

_SOURCE = paths.CONF / "models" / "blend.yaml"


def _default_raters() -> dict[str, ModelEntry]:
    targets = {"bias": "bias.Bias", "knn_item": "knn.KNN", "svd": "svd.SVD"}
    return {
        name: ModelEntry(_target_=f"reelbench.models.{target}") for name, target in targets.items()
    }


class BlendConfig(Section):
    """Parameters."""

    #: members whose predictions are stacked, as entries of `models` under any name
    raters: dict[str, ModelEntry] = Field(default_factory=_default_raters, min_length=1)
    #: members whose scores are added for ranking; none: the stacked rating ranks
    rankers: dict[str, ModelEntry] = Field(default_factory=dict)
    #: whether a member's weight may change with the number of ratings of user and item
    weights_by_count: bool = True
    #: share of train that is held out for the weights where valid is empty
    holdout: float = Field(default=0.1, gt=0, lt=1)
    #: share of train that is held out for the weights of the rankers where valid is empty
    ranker_holdout: float = Field(default=0.2, gt=0, lt=1)
    #: number of such parts; the rankers are fitted once for each
    ranker_holdouts: PositiveInt = 3
    #: whether members learn from train and valid together once the weights are known
    refit: bool = False
    #: length of the lists whose nDCG the weights of the rankers maximise
    k: PositiveInt = 10
    #: a rating counts as relevant in these lists from this value on; None: every rating
    min_relevant_rating: float | None = None

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
                entry.check(f"{group}.{name}", _SOURCE)
                if group == "raters" and not entry.model_class.predicts_ratings:
                    raise ValueError(f"raters.{name} only ranks: name it among rankers")
                if self.raters.get(name, entry) != entry:
                    raise ValueError(f"{name} is a rater and a ranker with different parameters")
        return self
