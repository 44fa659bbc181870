"""A new user, of whom only ratings are known, answered by a model that was trained without them.

The fold-in of a model is what it would have stored for the user if everything else had been
learned: items, and the other users, stay what they are. It is written into the row of the unknown
user (index -1, `models/base.py`) of a copy, and the model scores that row as ever.

| model | what is found for the user | |
|---|---|---|
| `ease`, `content` | the row of preferences | exact |
| `knn_item`, `slope_one`, `bias` | effect or mean, and the row of ratings | exact |
| `st` | effect, and the ridge regression on item features | exact |
| `svds` | projection of the centred ratings on the singular vectors of items | exact |
| `popularity`, means | nothing: all users have one answer | exact |
| `knn_user` | effect, and similarity with every user | exact for somebody not in train |
| `svd`, `svdpp`, `fm` | bias and factors: ridge around the mean user (`bilinear.py`) | close |
| `nmf` | factors by least squares that are not negative | close |
| `ials` | the model's own equation for a user (`implicit.py`) | close |
| `bpr` | factors under its own loss (`pairwise.py`) | close |
| `blend` | the same of its members, with its weights | as the members |

Exact means: a user of train is given the scores that training gave. Close: the equations of
training are solved to the end for one user, where training has stopped before. Others (networks,
`co_clustering`, `warp`) have none: `fold_in` returns None and the caller says who answers instead.
"""

from __future__ import annotations

from reelbench.serving.fold_in.new_user import FoldIn, NewUser
from reelbench.serving.fold_in.registry import fold_in

__all__ = ["FoldIn", "NewUser", "fold_in"]
