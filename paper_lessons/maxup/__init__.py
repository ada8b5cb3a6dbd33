"""MaxUp: train on the worst of some augmented copies of each sample.

Gong, Ren, Ye, Liu 2020, MaxUp: A Simple Way to Improve Generalization of Neural Network Training (arXiv 2002.09024).
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # accelerate draws its bars with widgets; a notebook that has none is no reason to warn
    warnings.filterwarnings("ignore", "IProgress not found")
    import tqdm.auto  # noqa: F401

from paper_lessons.maxup.arms import arm_loss, arm_steps
from paper_lessons.maxup.choosing import choose, sample_losses
from paper_lessons.maxup.comparing import Comparison, compare, paired, recommend
from paper_lessons.maxup.loss import each, maxup_loss
from paper_lessons.maxup.noise import EmbeddingNoise, GaussianNoise
from paper_lessons.maxup.pictures import Cutout, RandomMirror, RandomShift, augmentation
from paper_lessons.maxup.smoothing import (
    Certificates,
    average_certified_radius,
    certify,
    lower_confidence,
)
from paper_lessons.maxup.theory import (
    expected_max_of_normals,
    gradient_penalty_estimate,
    sharpness,
    worst_excess,
)
from paper_lessons.maxup.training import Training, train
from paper_lessons.maxup.wrapper import MaxUp

__all__ = [
    "sample_losses",
    "choose",
    "maxup_loss",
    "each",
    "MaxUp",
    "GaussianNoise",
    "EmbeddingNoise",
    "RandomShift",
    "RandomMirror",
    "Cutout",
    "augmentation",
    "expected_max_of_normals",
    "gradient_penalty_estimate",
    "worst_excess",
    "sharpness",
    "lower_confidence",
    "certify",
    "Certificates",
    "average_certified_radius",
    "arm_loss",
    "arm_steps",
    "Training",
    "train",
    "Comparison",
    "paired",
    "compare",
    "recommend",
]
