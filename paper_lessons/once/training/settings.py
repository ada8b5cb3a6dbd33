"""What can be chosen of either stage of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from paper_lessons.once.targets import RadiusKind
from paper_lessons.once.training.augmenting import Augmenting

HeatLoss = Literal["focal", "l1", "balanced l1"]


@dataclass(frozen=True)
class Training:
    """What both stages have; the defaults suit a small detector on a processor.

    Attributes
    ----------
    steps : int
    lr : float
        Peak, after a linear warm-up; it falls to 0 as a cosine.
    warmup : int
        Steps.
    weight_decay : float
    clip : float
        Largest norm of the gradient.
    radius : "centernet" or "exact"
        Of the targets.
    keep_every : int
        Steps between checkpoints, and between lines of the history.
    mixed_precision : "no", "bf16" or "fp16", optional
        Without it bf16 on a graphics card that has it, else none.
    seed : int
    """

    steps: int = 2200
    lr: float = 2e-3
    warmup: int = 50
    weight_decay: float = 0.01
    clip: float = 10.0
    radius: RadiusKind = "centernet"
    keep_every: int = 200
    mixed_precision: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "keep_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("lr", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("warmup", "weight_decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True)
class BaseTraining(Training):
    """Stage I: the detector on its base classes.

    Attributes
    ----------
    batch_size : int
    size_weight : float
        Of the loss of width and height beside the two others.
    augmenting : Augmenting
    """

    batch_size: int = 16
    size_weight: float = 0.1
    augmenting: Augmenting = field(default_factory=Augmenting)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 1 or self.size_weight < 0:
            raise ValueError(
                "batch_size must be at least 1 and size_weight not negative, "
                f"got {self.batch_size} and {self.size_weight}"
            )


@dataclass(frozen=True)
class EpisodeTraining(Training):
    """Stage II: the generator, by episodes on the frozen detector.

    Attributes
    ----------
    ways : int
        Classes of an episode, and pictures to find them in. At most as many as there are base classes.
    shots : tuple of int
        Objects of each class, drawn from these for each episode.
    loss : "focal", "l1" or "balanced l1"
        "focal" is the public code's, "l1" the paper's text's, which collapses; "balanced l1" is one that does not.
    encoder_lr : float
        Peak of the copied encoder's learning rate.
    pictures : int
        At most so many are used; their features are computed once and kept.
    recolor : bool
        Change the colours of the crops that the generator reads.
    turns : bool
        Mirror and turn whole episodes in the eight ways of a square, an eighth of the pictures each: a turned class is
        one that the detector was not trained on, as a novel class is.
    """

    steps: int = 2000
    lr: float = 1e-3
    ways: int = 16
    shots: tuple[int, ...] = (1, 2, 3, 5)
    loss: HeatLoss = "focal"
    encoder_lr: float = 3e-4
    pictures: int = 1600
    recolor: bool = True
    turns: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in ("focal", "l1", "balanced l1"):
            raise ValueError(f"loss must be 'focal', 'l1' or 'balanced l1', got {self.loss!r}")
        if self.ways < 1 or not self.shots or min(self.shots) < 1 or self.pictures < 2:
            raise ValueError(
                f"ways and shots must be at least 1 and pictures at least 2, got {self.ways}, {self.shots}, {self.pictures}"
            )
