"""A program as Python and as mathematics."""
