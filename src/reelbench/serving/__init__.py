"""Recommendations from trained models: commands, app, and bundle for MLflow."""
