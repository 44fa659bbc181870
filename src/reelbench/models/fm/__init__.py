"""Model `fm`: a Bayesian factorisation machine on ids, implicit feedback and features.

    rating = w_0 + Σ_j w_j x_j + Σ_{j<k} (v_j·v_k) x_j x_k

Rendle (2010), "Factorization Machines"; the posterior is sampled by the Gibbs sampler of the
library myfm after Rendle, Freudenthaler & Schmidt-Thieme (2011) and Freudenthaler,
Schmidt-Thieme & Rendle (2011), "Bayesian Factorization Machines"; the features are those of
Rendle, Zhang & Koren (2019), "On the Difficulty of Evaluating Baselines". A row x is what is known
of a user (`design.py`) beside what is known of an item; no sample is kept (`posterior.py`).
"""

from reelbench.models.fm.recommender import FM

__all__ = ["FM"]
