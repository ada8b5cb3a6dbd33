"""AutoML-Zero: machine-learning algorithms evolved from basic mathematical operations.

Real, Liang, So, Le 2020, AutoML-Zero: Evolving Machine Learning Algorithms From Scratch (arXiv 2003.03384).
A program has three parts, Setup, Predict and Learn; its fitness is how well it predicts after training.
"""
