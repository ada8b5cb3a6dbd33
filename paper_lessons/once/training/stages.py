"""Training in two stages: the detector on its base classes, then the generator by episodes on the frozen detector.

Everything random follows from the seed and the step's number. So a killed run that goes on from its last checkpoint comes to the
same numbers as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from paper_lessons.once.codes import draw_codes
from paper_lessons.once.data.pictures import Pictures
from paper_lessons.once.generator import CropEncoder
from paper_lessons.once.losses import box_loss, focal_loss, heat_l1_loss
from paper_lessons.once.targets import Targets, splat_targets
from paper_lessons.once.training.augmenting import augmented
from paper_lessons.once.training.episodes import Episodes, of_classes
from paper_lessons.once.training.loop import Loop
from paper_lessons.once.training.settings import BaseTraining, EpisodeTraining, HeatLoss

if TYPE_CHECKING:
    from paper_lessons.once.detector import OnceDetector

OnStep = Callable[[int, dict[str, float]], None]
LOSSES: dict[str, Callable[[Tensor, Targets], Tensor]] = {
    "focal": focal_loss,
    "l1": heat_l1_loss,
    "balanced l1": lambda logits, targets: heat_l1_loss(logits, targets, balanced=True),
}


def fit_base(
    detector: OnceDetector,
    data: Pictures,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = False,
    on_step: OnStep | None = None,
    **options: Any,
) -> list[dict[str, float]]:
    """Stage I, in place: features, boxes and the codes of the base classes.

    Parameters
    ----------
    detector : OnceDetector
    data : Pictures
        Boxes of classes that the detector does not have count as ground.
    checkpoint : str or Path, optional
        Folder from which a killed run of the same settings and data goes on.
    progress : bool
        Whether to draw a bar of text on standard error.
    on_step : callable, optional
        Called with the step's number and the mean losses every ``keep_every`` steps.
    **options
        Of :class:`~paper_lessons.once.BaseTraining`.

    Returns
    -------
    list of dict
        ``"step"``, ``"heat"``, ``"size"``, ``"offset"`` every ``keep_every`` steps.

    Raises
    ------
    ValueError
        If no base class has a box, or classes were registered, whose codes would be of features that are gone.
    FloatingPointError
        If a loss is not finite.
    """
    how = BaseTraining(**options)
    added = [name for name in detector.classes if name not in detector.bank.base_names]
    if added:
        raise ValueError(
            f"the detector must have base classes only, forget {', '.join(added)} first: their codes are of these features"
        )
    boxes, labels, crowd = of_classes(detector.bank.base_names, data)
    model = _Base(detector, how.size_weight)
    classes = len(detector.bank.base_names)

    def batch(draw: np.random.Generator, share: slice) -> tuple[Any, ...]:
        places = draw.choice(len(data), min(how.batch_size, len(data)), replace=False)[share]
        images, moved, hidden = augmented(
            data.images_at(places.tolist()), [boxes[i] for i in places], how.augmenting, draw
        )
        images = detector.prepare(list(images))
        height, width = (side // detector.stride for side in images.shape[2:])
        targets = splat_targets(
            moved, [labels[i] for i in places],
            classes=classes, height=height, width=width, stride=detector.stride, radius=how.radius,
            crowd=[crowd[i] | one for i, one in zip(places, hidden, strict=True)],
        )  # fmt: skip
        return images, targets

    detector.thaw()
    groups = [{"params": list(model.parameters()), "peak": how.lr}]
    run = Loop(model, groups, how, data, checkpoint, progress, on_step)
    detector.train()
    history = run.go(batch)
    detector.bank.replace_base(model.rows)
    detector.freeze()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        detector.renew_generator()
    detector.eval()
    return history


def fit_generator(
    detector: OnceDetector,
    data: Pictures,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = False,
    on_step: OnStep | None = None,
    **options: Any,
) -> list[dict[str, float]]:
    """Stage II, in place: the generator learns to write codes that find a class from a few of its objects.

    Parameters
    ----------
    detector : OnceDetector
        Trained; it is frozen, and its base classes keep their codes.
    data : Pictures
        With boxes of base classes.
    checkpoint, progress, on_step
        As :func:`fit_base`.
    **options
        Of :class:`~paper_lessons.once.EpisodeTraining`.

    Returns
    -------
    list of dict
        ``"step"``, ``"heat"`` and, where sizes are the class's own, ``"size"``, every ``keep_every`` steps.

    Raises
    ------
    ValueError
        If fewer than two base classes have objects of at least 8 pixels in two pictures.
    FloatingPointError
        If a loss is not finite.
    """
    how = EpisodeTraining(**options)
    detector.freeze()
    detector.eval()
    episodes = Episodes(detector, data, how)
    model = _Generating(detector.generator, how.loss, detector.bank.cosine)
    encoder = (
        list(model.generator.encoder.parameters())
        if isinstance(model.generator, CropEncoder)
        else []
    )
    own = {id(one) for one in encoder}
    rest = [one for one in model.parameters() if id(one) not in own]
    groups = [{"params": rest, "peak": how.lr}]
    if encoder:
        groups.append({"params": encoder, "peak": how.encoder_lr})
    for one in model.parameters():
        one.requires_grad_(True)
    run = Loop(model, groups, how, data, checkpoint, progress, on_step)
    model.eval()  # the copied encoder keeps its batch statistics
    return run.go(episodes.draw)


class _Base(nn.Module):
    """The detector with its codes as parameters."""

    def __init__(self, detector: OnceDetector, size_weight: float) -> None:
        super().__init__()
        self.backbone, self.boxes, self.size_weight = detector.backbone, detector.boxes, size_weight
        codes = [detector.bank[name].vector for name in detector.bank.base_names]
        self.rows = nn.Parameter(torch.stack(codes).to(detector.device))

    def forward(self, images: Tensor, targets: Targets) -> dict[str, Tensor]:
        features = self.backbone(images)
        heat, own = draw_codes(features, self.rows)
        maps = self.boxes(features)
        sizes, offsets = box_loss(maps[:, :2] if own is None else own, maps[:, 2:], targets)
        return {
            "heat": focal_loss(heat.float(), targets),
            "size": self.size_weight * sizes,
            "offset": offsets,
        }


class _Generating(nn.Module):
    """From supports to codes to maps to a loss."""

    def __init__(self, generator: nn.Module, loss: HeatLoss, unit: bool) -> None:
        super().__init__()
        self.generator, self.loss, self.unit = generator, loss, unit

    def forward(self, supports: Tensor, features: Tensor, targets: Targets) -> dict[str, Tensor]:
        ways = targets.shape[1]
        codes = self.generator(supports).unflatten(0, (ways, -1)).mean(1)
        heat, own = draw_codes(features, codes, unit=self.unit)
        found = {"heat": LOSSES[self.loss](heat.float(), targets)}
        if own is not None:
            nothing = features.new_zeros(len(features), 2, *features.shape[2:])
            found["size"] = 0.1 * box_loss(own, nothing, targets)[0]
        return found
