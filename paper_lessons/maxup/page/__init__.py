"""A figure to move: copies of one sample on a loss surface, and which of them is the worst."""
