"""The machine behind the operators: compiled kernels, the threads that share rows among them, their derivatives.

It computes what `reference.py` computes in plain PyTorch, and must agree with it. The paper can be understood without it.
"""
