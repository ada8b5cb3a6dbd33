"""Data that more than one lesson uses. Nothing is downloaded unless the call says ``download=True``.

It knows no lesson: what a lesson does with the data stands in the lesson.
"""

from __future__ import annotations

from paper_lessons.datasets.images import (
    IMAGE_SETS,
    ImageSet,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    load_images,
    mnist5000,
)

__all__ = [
    "ImageSet",
    "digits",
    "mnist5000",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "load_images",
    "IMAGE_SETS",
]
