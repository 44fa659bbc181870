"""The app: questions typed into a page in the browser, answered on this machine alone."""
