"""The figures of the page as Vega-Lite charts: interactive, offline, light and dark."""
