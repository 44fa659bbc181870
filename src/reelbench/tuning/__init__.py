"""Hyperparameter search on valid, with the same number of trials for every model.

`space` reads what may be tried, `objective` measures a model, `search` keeps the trials, counts the
budget and has the searchers (Keras Tuner for networks, Optuna for all others), `record` writes the
result to a file and into `conf/`. The test part is never opened.
"""
