"""Training in two stages: the detector on its base classes, then the generator by episodes on the frozen detector.

Everything random follows from the seed and the step's number. So a killed run that goes on from its last checkpoint comes to the
same numbers as one that was not.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from paper_lessons.files import write_atomically
from paper_lessons.once.codes import draw_codes
from paper_lessons.once.data.augmenting import Augmenting, augmented, recolored, turned
from paper_lessons.once.data.pictures import Pictures
from paper_lessons.once.generator import SHORTEST, CropEncoder, centre_features, support_crops
from paper_lessons.once.losses import box_loss, focal_loss, heat_l1_loss
from paper_lessons.once.targets import RadiusKind, Targets, splat_targets

if TYPE_CHECKING:
    from paper_lessons.once.detector import OnceDetector

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
    turned : float
        Share of the steps that see all pictures mirrored or turned by quarters, with codes of their own that are thrown
        away afterwards: tasks more, so that features also fit classes to come.
    size_weight : float
        Of the loss of width and height beside the two others.
    augmenting : Augmenting
    """

    batch_size: int = 16
    turned: float = 0.0
    size_weight: float = 0.1
    augmenting: Augmenting = field(default_factory=Augmenting)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 1 or self.size_weight < 0 or not 0 <= self.turned < 1:
            raise ValueError(
                "batch_size must be at least 1, size_weight not negative and turned in [0, 1), "
                f"got {self.batch_size}, {self.size_weight} and {self.turned}"
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


OnStep = Callable[[int, dict[str, float]], None]
LOSSES: dict[str, Callable[[Tensor, Targets], Tensor]] = {
    "focal": focal_loss,
    "l1": heat_l1_loss,
    "balanced l1": lambda logits, targets: heat_l1_loss(logits, targets, balanced=True),
}


def fit_base(
    detector: OnceDetector,
    data: Pictures,
    how: BaseTraining,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = False,
    on_step: OnStep | None = None,
) -> list[dict[str, float]]:
    """Stage I, in place: features, boxes and the codes of the base classes.

    Parameters
    ----------
    detector : OnceDetector
    data : Pictures
        Boxes of classes that the detector does not have count as ground.
    how : BaseTraining
    checkpoint : str or Path, optional
        Folder from which a killed run of the same settings and data goes on.
    progress : bool
        Whether to draw a bar of text on standard error.
    on_step : callable, optional
        Called with the step's number and the mean losses every ``keep_every`` steps.

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
    added = [name for name in detector.classes if name not in detector.bank.base_names]
    if added:
        raise ValueError(
            f"the detector must have base classes only, forget {', '.join(added)} first: their codes are of these features"
        )
    boxes, labels, crowd = _of_classes(detector.bank.base_names, data)
    model = _Base(detector, how.size_weight, 8 if how.turned else 1)
    classes = len(detector.bank.base_names)

    def batch(draw: np.random.Generator, share: slice) -> tuple[Any, ...]:
        places = draw.choice(len(data), min(how.batch_size, len(data)), replace=False)[share]
        images, moved, hidden = augmented(
            data.images_at(places.tolist()), [boxes[i] for i in places], how.augmenting, draw
        )
        way = int(draw.integers(1, 8)) if draw.random() < how.turned else 0
        images, moved = turned(images, moved, way)
        images = detector.prepare(list(images))
        height, width = (side // detector.stride for side in images.shape[2:])
        targets = splat_targets(
            moved, [labels[i] for i in places],
            classes=classes, height=height, width=width, stride=detector.stride, radius=how.radius,
            crowd=[crowd[i] | one for i, one in zip(places, hidden, strict=True)],
        )  # fmt: skip
        return images, targets, way

    detector.thaw()
    groups = [{"params": list(model.parameters()), "peak": how.lr}]
    run = _Run(model, groups, how, data, checkpoint, progress, on_step)
    detector.train()
    history = run.go(batch)
    detector.bank.replace_base(model.rows.detach()[0])
    detector.freeze()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        detector.renew_generator()
    detector.eval()
    return history


def fit_generator(
    detector: OnceDetector,
    data: Pictures,
    how: EpisodeTraining,
    *,
    checkpoint: str | Path | None = None,
    progress: bool = False,
    on_step: OnStep | None = None,
) -> list[dict[str, float]]:
    """Stage II, in place: the generator learns to write codes that find a class from a few of its objects.

    Parameters
    ----------
    detector : OnceDetector
        Trained; it is frozen, and its base classes keep their codes.
    data : Pictures
        With boxes of base classes.
    how : EpisodeTraining
    checkpoint, progress, on_step
        As :func:`fit_base`.

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
    detector.freeze()
    detector.eval()
    episodes = _Episodes(detector, data, how)
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
    run = _Run(model, groups, how, data, checkpoint, progress, on_step)
    model.eval()  # the copied encoder keeps its batch statistics
    return run.go(episodes.draw)


class _Base(nn.Module):
    """The detector with its codes as parameters."""

    def __init__(self, detector: OnceDetector, size_weight: float, ways: int) -> None:
        super().__init__()
        self.backbone, self.boxes, self.size_weight = detector.backbone, detector.boxes, size_weight
        codes = [detector.bank[name].vector for name in detector.bank.base_names]
        # codes of the pictures as they are, then of each way to turn them
        self.rows = nn.Parameter(torch.stack(codes).to(detector.device).repeat(ways, 1, 1))

    def forward(self, images: Tensor, targets: Targets, way: int) -> dict[str, Tensor]:
        features = self.backbone(images)
        heat, own = draw_codes(features, self.rows[way])
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


@dataclass
class _Group:
    """Pictures that are turned the same way: their features, and supports of their objects."""

    features: Tensor
    supports: Tensor
    owner: np.ndarray  # the picture of each support
    objects: dict[int, np.ndarray]  # the supports of each class
    boxes: list[Tensor]
    labels: list[Tensor]
    crowd: list[Tensor]


class _Episodes:
    """Features of the pictures and supports of their objects, computed once, and episodes drawn from them."""

    def __init__(self, detector: OnceDetector, data: Pictures, how: EpisodeTraining) -> None:
        self.how, self.stride = how, detector.stride
        self.crops = isinstance(detector.generator, CropEncoder)
        known = _of_classes(detector.bank.base_names, data)
        chosen = np.random.default_rng([how.seed, len(data)]).permutation(len(data))[: how.pictures]
        ways = 8 if how.turns else 1
        made = [
            self._group(detector, data, known, chosen[way::ways].tolist(), way)
            for way in range(min(ways, len(chosen)))
        ]
        self.groups = [one for one in made if len(one.objects) >= 2]
        if not self.groups:
            raise ValueError(
                "data must show two base classes and more in two pictures each, turned alike; "
                f"the most that {len(chosen)} pictures show is {max(len(one.objects) for one in made)}"
            )

    @torch.no_grad()
    def _group(self, detector, data, known, chosen: list[int], way: int) -> _Group:
        labels, crowd = ([some[i] for i in chosen] for some in known[1:])
        features, supports, boxes, kinds, owners = [], [], [], [], []
        for begin in range(0, len(chosen), 16):
            some = chosen[begin : begin + 16]
            images, there = turned(data.images_at(some), [known[0][i] for i in some], way)
            images = detector.prepare(list(images))
            maps = detector.backbone(images)
            boxes += there
            given = []
            for place, one in enumerate(there, start=begin):
                fit = ((one[:, 2:] - one[:, :2]).amin(1) >= SHORTEST) & ~crowd[place]
                kinds.append(labels[place][fit])
                owners.append(torch.full((int(fit.sum()),), place))
                given.append(one[fit].to(detector.device))
            supports.append(
                support_crops(list(images), given)
                if self.crops
                else centre_features(maps, given, detector.stride)
            )
            features.append(maps)
        kind, owner = torch.cat(kinds).numpy(), torch.cat(owners).numpy()
        objects = {
            label: np.flatnonzero(kind == label)
            for label in np.unique(kind).tolist()
            if len(np.unique(owner[kind == label])) >= 2
        }
        return _Group(
            torch.cat(features), torch.cat(supports), owner, objects, boxes, labels, crowd
        )

    def draw(self, draw: np.random.Generator, share: slice) -> tuple[Any, ...]:
        """Supports, features of pictures, and targets: of each class one picture, and objects of other pictures."""
        how, group = self.how, self.groups[draw.integers(len(self.groups))]
        known = np.array(list(group.objects))
        classes = draw.choice(known, min(how.ways, len(known)), replace=False)
        shots = int(draw.choice(how.shots))
        queries, supports = [], []
        for label in classes:
            objects = group.objects[int(label)]
            query = group.owner[draw.choice(objects)]
            others = objects[group.owner[objects] != query]
            supports.append(draw.choice(others, shots))  # with replacement, as the public code
            queries.append(int(query))
        given = group.supports[torch.from_numpy(np.concatenate(supports))]
        if self.crops and how.recolor:
            given = recolored(given, draw)
        queries = queries[share] or queries[:1]
        place = {int(label): number for number, label in enumerate(classes)}
        boxes, labels, crowd = [], [], []
        for query in queries:
            kept = torch.tensor([int(one) in place for one in group.labels[query]]).bool()
            boxes.append(group.boxes[query][kept])
            new = [place[int(one)] for one in group.labels[query][kept]]
            labels.append(torch.tensor(new, dtype=torch.long))
            crowd.append(group.crowd[query][kept])
        features = group.features[queries]
        targets = splat_targets(
            boxes, labels, classes=len(classes), height=features.shape[2], width=features.shape[3],
            stride=self.stride, radius=how.radius, crowd=crowd,
        )  # fmt: skip
        return given, features, targets


class _Run:
    """Steps with a schedule, a bar, checkpoints and a history."""

    def __init__(self, model, groups, how, data, checkpoint, progress, on_step) -> None:
        self.how, self.on_step = how, on_step
        self.accelerator = Accelerator(mixed_precision=_precision(how))
        optimizer = torch.optim.AdamW(
            [{**one, "lr": one["peak"]} for one in groups], weight_decay=how.weight_decay
        )
        self.trained = [one for group in groups for one in group["params"]]
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.folder = None if checkpoint is None else Path(checkpoint)
        self.settings = json.loads(
            json.dumps(
                {
                    **asdict(how),
                    "stage": type(how).__name__,
                    "names": list(data.names),
                    "pictures": len(data),
                    "boxes": float(sum(one.double().sum() for one in data.boxes)),
                    "processes": self.accelerator.num_processes,
                }
            )
        )
        self.progress = progress and self.accelerator.is_main_process

    def go(self, batch: Callable[..., tuple[Any, ...]]) -> list[dict[str, float]]:
        """All steps that are left."""
        history = self._resume()
        begin = int(history[-1]["step"]) if history else 0
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        sums: dict[str, float] = {}
        since = begin
        bar = tqdm(total=self.how.steps, initial=begin, disable=not self.progress, unit="step")
        with bar, torch.random.fork_rng(devices=[]):
            for step in range(begin, self.how.steps):
                torch.manual_seed(
                    int(np.random.SeedSequence([self.how.seed, step]).generate_state(1)[0])
                )
                given = batch(
                    np.random.default_rng([self.how.seed, step]), slice(rank, None, processes)
                )
                for name, value in self._step(step, _moved(given, self.accelerator.device)).items():
                    sums[name] = sums.get(name, 0.0) + value
                bar.update()
                done = step + 1
                if done % self.how.keep_every == 0 or done == self.how.steps:
                    line = {name: value / (done - since) for name, value in sums.items()}
                    history.append({"step": float(done), **line})
                    bar.set_postfix({name: f"{value:.3f}" for name, value in line.items()})
                    sums, since = {}, done
                    self._keep(history)
                    if self.on_step is not None:
                        self.on_step(done, line)
        self._finish()
        return history

    def _step(self, step: int, given: list[Any]) -> dict[str, float]:
        how = self.how
        with self.accelerator.autocast():
            losses = self.model(*given)
        total = torch.stack(list(losses.values())).sum()
        if not math.isfinite(float(total.detach())):
            parts = ", ".join(f"{name} {float(one.detach()):g}" for name, one in losses.items())
            raise FloatingPointError(
                f"the loss is not finite at step {step} ({parts}): a smaller lr or clip helps"
            )
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self.trained, how.clip)
        rising = min(1.0, (step + 1) / max(1, how.warmup))
        falling = 0.5 * (1 + math.cos(math.pi * step / how.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rising * falling
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {name: float(one.detach()) for name, one in losses.items()}

    def _resume(self) -> list[dict[str, float]]:
        file = None if self.folder is None else self.folder / "progress.json"
        if file is None or not file.is_file():
            return []
        known = json.loads(file.read_text(encoding="utf-8"))
        changed = sorted(
            name for name, value in self.settings.items() if known["settings"].get(name) != value
        )
        if changed:
            raise ValueError(
                f"checkpoint {str(self.folder)!r} is of a run with other {', '.join(changed)}; "
                "take another folder or remove it"
            )
        self.accelerator.load_state(str(file.parent / known["folder"]))
        return known["history"]

    def _keep(self, history: list[dict[str, float]]) -> None:
        if self.folder is None:
            return
        name = f"step-{int(history[-1]['step'])}"
        self.accelerator.save_state(str(self.folder / name))
        if self.accelerator.is_main_process:
            # from here on this step counts: a run that dies before goes on from the one before
            written = {"settings": self.settings, "folder": name, "history": history}
            write_atomically(self.folder / "progress.json", json.dumps(written, indent=1))
            self._clear(but=name)

    def _finish(self) -> None:
        self.accelerator.wait_for_everyone()
        if self.folder is not None and self.accelerator.is_main_process:
            (self.folder / "progress.json").unlink(missing_ok=True)
            self._clear()

    def _clear(self, but: str = "") -> None:
        for old in self.folder.glob("step-*"):  # type: ignore[union-attr]
            if old.name != but:
                shutil.rmtree(old)


def _of_classes(
    names: Sequence[str], data: Pictures
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Boxes, labels in the order of the names, and crowds, of these classes only."""
    place = {name: number for number, name in enumerate(names)}
    new = torch.tensor([place.get(name, -1) for name in data.names], dtype=torch.long)
    boxes, labels, crowd = [], [], []
    for some, kinds, many in zip(data.boxes, data.labels, data.crowd, strict=True):
        own = new[kinds] >= 0
        boxes.append(some[own])
        labels.append(new[kinds[own]])
        crowd.append(many[own])
    if not sum(map(len, boxes)):
        raise ValueError(
            f"data must have boxes of {', '.join(names[:5]) or 'base classes'}, it has none"
        )
    return boxes, labels, crowd


def _moved(given: tuple[Any, ...], device: torch.device) -> list[Any]:
    return [
        one
        if isinstance(one, int)
        else one.to(device)
        if isinstance(one, Tensor)
        else replace(
            one,
            **{
                name: value.to(device)
                for name, value in vars(one).items()
                if isinstance(value, Tensor)
            },
        )
        for one in given
    ]


def _precision(how: Training) -> str:
    if how.mixed_precision is not None:
        return how.mixed_precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"
