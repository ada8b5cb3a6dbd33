"""Algorithms evolved for a table of the user's own: reading, searching, choosing on other rows, a Python file."""
