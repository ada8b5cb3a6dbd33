"""The machine behind `neighbors.py`: the search in tiles, exact and approximate.

The exact search must agree with sorting all distances, the approximate one says how often it does. The paper
can be understood without it.
"""
