"""Rows in; one self-contained page, Markdown and CSV out. Pure: equal rows give equal bytes."""
