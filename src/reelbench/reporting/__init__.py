"""Leaderboard, figures and the page, made of the files that the other stages wrote."""
