"""Rows in; a page, Markdown, LaTeX, CSV and pictures out. Pure: equal rows give equal bytes."""
