"""The search for a model's parameters on valid, with the same number of trials for every model.

`space` says what is searched, `objective` what counts as better, `searchers` who proposes the
trials, `study` runs and records them, `winner` writes the best into `conf/`. Test is never opened.
"""
