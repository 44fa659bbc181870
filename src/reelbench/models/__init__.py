"""Recommenders: the contract in `base.py`, and one file per model."""
