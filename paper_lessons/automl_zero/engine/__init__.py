"""The machine that makes a search affordable: programs compiled for many tasks at once, caches, islands.

It computes what `interpreter.py` computes, to the last bit. The paper can be understood without it.
"""
