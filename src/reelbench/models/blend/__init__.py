"""Model `blend`: other models side by side, weighted on ratings that they were not fitted to.

Ratings are stacked (Wolpert 1992, "Stacked generalization"; for ratings Sill et al. 2009,
"Feature-Weighted Linear Stacking"): a ridge regression from the members' predictions, and from how
many ratings user and item have, to the rating. Rankings are a weighted sum of standardised scores
(`weights.py`). The weights come from parts of train that are held out in turn from the members
(cross-fitting): on valid some members stop early, and all were tuned.
"""

from reelbench.models.blend.recommender import Blend

__all__ = ["Blend"]
