"""Model `blend`: other models side by side, weighted on ratings that they were not fitted to.

Ratings are stacked (Wolpert 1992, "Stacked generalization"; for ratings Sill et al. 2009,
"Feature-Weighted Linear Stacking"): a ridge regression from the members' predictions, and from how
many ratings user and item have, to the rating. Rankings are a weighted sum of standardised scores
(`weights.py`). The weights come from valid or, where that is empty, from a part of train
that is held out for a first fit; members and weights never see test.
"""

from reelbench.models.blend.recommender import Blend

__all__ = ["Blend"]
