"""Hyperparameter search on valid, of equal budget for every model; test is never opened."""
