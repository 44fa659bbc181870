"""Comparison of results with a baseline: which numbers moved, and whether one is too much worse."""
