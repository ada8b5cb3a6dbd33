"""AutoML-Zero: machine-learning algorithms evolved from basic mathematical operations.

Real, Liang, So, Le 2020, AutoML-Zero: Evolving Machine Learning Algorithms From Scratch (arXiv 2003.03384).
A program has three parts, Setup, Predict and Learn; its fitness is how well it predicts after training.
"""

from __future__ import annotations

from paper_lessons.automl_zero import programs
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.engine.evaluator import Evaluator
from paper_lessons.automl_zero.evolution import Evolution, evolve, random_search, warmup
from paper_lessons.automl_zero.export.latex import to_latex
from paper_lessons.automl_zero.export.python import to_python
from paper_lessons.automl_zero.interpreter import Trace, fitness, interpret
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.mutation import Mutation, mutate, random_program
from paper_lessons.automl_zero.ops import Op, OpSet
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.simplify import simplify
from paper_lessons.automl_zero.tasks import (
    LinearRegressionTasks,
    ProjectedBinaryTasks,
    Tasks,
    TwoLayerRegressionTasks,
)

__all__ = [
    "Op",
    "OpSet",
    "Memory",
    "Instruction",
    "Program",
    "Tasks",
    "LinearRegressionTasks",
    "TwoLayerRegressionTasks",
    "ProjectedBinaryTasks",
    "interpret",
    "Trace",
    "fitness",
    "programs",
    "Mutation",
    "mutate",
    "random_program",
    "Evaluator",
    "EvolutionConfig",
    "evolve",
    "random_search",
    "Evolution",
    "simplify",
    "to_python",
    "to_latex",
    "warmup",
]
