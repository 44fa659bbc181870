"""The web app, served on this machine only."""
