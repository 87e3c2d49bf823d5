"""Executes the lessons and makes the site: `python -m tools.book`."""
