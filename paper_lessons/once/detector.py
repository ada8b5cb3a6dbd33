"""The detector: features, heat maps of as many classes as there are codes, sizes and offsets that all classes share."""

# Annotations are values here: the hub's mixin reads them.

import hashlib
import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from jaxtyping import Float
from safetensors import safe_open
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms.v2.functional import resize

from paper_lessons.files import write_atomically
from paper_lessons.once.backbones import conv_bn, make_backbone
from paper_lessons.once.boxes import check_boxes, clip_boxes
from paper_lessons.once.codes import ClassCode, CodeBank
from paper_lessons.once.data.pictures import Pictures
from paper_lessons.once.decoding import decode
from paper_lessons.once.generator import (
    RARE,
    SHORTEST,
    CentreEncoder,
    CropEncoder,
    centre_features,
    support_crops,
)
from paper_lessons.once.training.stages import fit_base, fit_generator

SupportEncoder = Literal["crop", "centre"]
Codes = Literal["cosine", "linear"]
Mode = Literal["new", "update", "replace"]

MEAN, SPREAD = 0.5, 0.25
FIRST_SIDE = 4.0  # cells of a box before any training


class OnceDetector(
    nn.Module,
    PyTorchModelHubMixin,
    tags=["object-detection"],
):
    """Finds objects as peaks, and learns a class from one look at a few of them.

    Parameters
    ----------
    classes : sequence of str
        Base classes, to be trained.
    backbone : "small", "resnet50" or "hourglass"
    support_encoder : "crop" or "centre"
        What reads the pictures of a new class: an encoder of crops (the paper's), or the detector's own features.
    class_specific_size : bool
        Whether a code also has weights for width and height, an option of the public code.
    codes : "cosine" or "linear"
        Whether the codes of registered classes read only the direction of features, or the features as they are, as the
        paper has it.
    side : int, optional
        Pixels to which the longer side of every picture is brought, so that objects are as large as in training. Boxes
        stay in the pixels of the picture given.
    options : dict, optional
        Of the backbone.

    Raises
    ------
    ValueError
        If an option is none of these, or a name comes twice.

    Notes
    -----
    What is frozen stays so: in training mode batch normalisation goes on as in evaluation once :meth:`freeze` was called,
    or the features that codes were made for would drift.

    Examples
    --------
    >>> detector = OnceDetector(["cat", "dog"]).eval()
    >>> one = detector.register("mug", [torch.rand(3, 96, 96)], [torch.tensor([[20.0, 20.0, 60.0, 70.0]])])
    >>> one.shots, detector.classes
    (1, ['cat', 'dog', 'mug'])
    """

    still: Tensor

    def __init__(
        self,
        classes: Sequence[str] = (),
        backbone: str = "small",
        *,
        support_encoder: SupportEncoder = "crop",
        class_specific_size: bool = False,
        codes: Codes = "cosine",
        side: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if support_encoder not in ("crop", "centre"):
            raise ValueError(f"support_encoder must be 'crop' or 'centre', got {support_encoder!r}")
        if codes not in ("cosine", "linear"):
            raise ValueError(f"codes must be 'cosine' or 'linear', got {codes!r}")
        if len(set(classes)) != len(classes):
            raise ValueError(f"classes must be names that differ, got {list(classes)}")
        self.backbone = make_backbone(backbone, **(options or {}))
        self.features = int(self.backbone.channels)  # type: ignore[arg-type]
        self.stride = int(self.backbone.stride)  # type: ignore[arg-type]
        self.bank = CodeBank(self.features, class_specific_size, codes == "cosine")
        inner = max(8, self.features // 2)
        self.boxes = nn.Sequential(conv_bn(self.features, inner), nn.Conv2d(inner, 4, 1))
        self.support_encoder = support_encoder
        nn.init.constant_(self.boxes[1].bias[:2], FIRST_SIDE)  # type: ignore[index]
        self.side = side
        self.generator: CropEncoder | CentreEncoder
        self.renew_generator()
        self.register_buffer("still", torch.tensor(False))
        for name in classes:
            code = torch.cat([0.05 * torch.randn(self.bank.length - 1), torch.tensor([RARE])])
            self.bank.add(name, code[None], base=True)

    @property
    def classes(self) -> list[str]:
        """Names of all classes, in the order of the labels."""
        return self.bank.names

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def freeze(self) -> None:
        """Let nothing of the detector change any more, batch statistics included; the generator may still learn."""
        self._hold(True)

    def thaw(self) -> None:
        """Let the detector learn again: codes made before are then of features that are gone."""
        self._hold(False)

    @property
    def frozen(self) -> bool:
        """Whether nothing of the detector may change."""
        return bool(self.still)

    @classmethod
    def _from_pretrained(cls, **given: Any) -> "OnceDetector":
        with redirect_stdout(io.StringIO()):  # where the hub's library says what it does
            return super()._from_pretrained(**given)

    def load_state_dict(self, *given: Any, **options: Any) -> Any:
        """As ``nn.Module.load_state_dict``; a detector that was frozen is so again."""
        found = super().load_state_dict(*given, **options)
        self._hold(self.frozen)
        return found

    def _hold(self, still: bool) -> None:
        self.still.fill_(still)
        for part in (self.backbone, self.boxes):
            part.requires_grad_(not still)
        self.train(self.training)

    def renew_generator(self) -> None:
        """A new generator; one of crops starts with the weights of the detector's encoder."""
        cosine, length = self.bank.cosine, self.bank.length
        self.generator = (
            CropEncoder(self.backbone.encoder, length, self.features if cosine else None)  # type: ignore[arg-type]
            if self.support_encoder == "crop"
            else CentreEncoder(self.features, length, cosine)
        ).to(self.bank.table.device)

    def fit_base(self, data: Pictures, **options: Any) -> list[dict[str, float]]:
        """Train the detector on its base classes, then freeze it; as :func:`~paper_lessons.once.fit_base`."""
        return fit_base(self, data, **options)

    def fit_generator(self, data: Pictures, **options: Any) -> list[dict[str, float]]:
        """Train the generator of codes by episodes; as :func:`~paper_lessons.once.fit_generator`."""
        return fit_generator(self, data, **options)

    def train(self, mode: bool = True) -> "OnceDetector":
        """As ``nn.Module.train``; what is frozen stays in evaluation mode.

        Parameters
        ----------
        mode : bool

        Returns
        -------
        OnceDetector
        """
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
            self.boxes.eval()
        return self

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Maps of a batch of pictures.

        Parameters
        ----------
        images : Float[Tensor, "batch 3 height width"]
            From :meth:`prepare`.

        Returns
        -------
        Float[Tensor, "batch features rows columns"]
            Features.
        Float[Tensor, "batch classes rows columns"]
            Heat maps before the sigmoid.
        Float[Tensor, "batch 2 rows columns"]
            Width and height in cells; with an axis of classes before where sizes are the class's own.
        Float[Tensor, "batch 2 rows columns"]
            Offsets.
        """
        features = self.backbone(images)
        heat, own = self.bank(features)
        maps = self.boxes(features)
        return features, heat, maps[:, :2] if own is None else own, maps[:, 2:]

    def prepare(self, images: Sequence[Tensor]) -> Float[Tensor, "batch 3 height width"]:
        """Pictures of any size as one batch: normalised, filled up at the right and below.

        Parameters
        ----------
        images : sequence of Tensor
            (3, height, width), or 1 or 4 channels: grey, or with transparency, which is left out. Floats in [0, 1], or
            whole numbers of 8 bits.

        Returns
        -------
        Float[Tensor, "batch 3 height width"]

        Raises
        ------
        ValueError
            If there are none, or one has another shape or type.
        """
        if not len(images):
            raise ValueError("images must have at least one, got none")
        normal = [self._normal(one, number) for number, one in enumerate(images)]
        height, width = (max(one.shape[side] for one in normal) for side in (1, 2))
        multiple = int(self.backbone.multiple)  # type: ignore[arg-type]
        full = [-(-side // multiple) * multiple for side in (height, width)]
        return torch.stack(
            [F.pad(one, (0, full[1] - one.shape[2], 0, full[0] - one.shape[1])) for one in normal]
        )

    @torch.no_grad()
    def register(
        self,
        name: str,
        images: Sequence[Tensor],
        boxes: Sequence[Any],
        mode: Mode = "new",
        *,
        fit_size: bool = False,
    ) -> ClassCode:
        """Add a class from pictures of it, by one pass of the generator.

        Parameters
        ----------
        name : str
        images : sequence of Tensor
            As :meth:`prepare`.
        boxes : sequence of Float[Tensor, "k 4"]
            The objects in each picture: left, top, right, bottom in pixels; none of a picture is allowed.
        mode : "new", "update" or "replace"
            "update" makes the code the mean over all shots so far; "replace" forgets those before.
        fit_size : bool
            Whether boxes of the class are made as many times wider and higher than the shared sizes say as its shots
            are. Ours; for things that are much larger or smaller than those of training.

        Returns
        -------
        ClassCode

        Raises
        ------
        ValueError
            If there are no boxes, one is shorter than 8 pixels, the name is taken (or, for an update, is not there), or
            sizes that are the class's own are to be fitted.
        """
        if mode not in ("new", "update", "replace"):
            raise ValueError(f"mode must be 'new', 'update' or 'replace', got {mode!r}")
        if fit_size and self.bank.rows == 3:
            raise ValueError("fit_size must be False where codes have weights of width and height")
        codes = self.codes_of(images, boxes)
        ratios = self._ratios(images, boxes) if fit_size else None
        if mode == "update":
            self.bank.update(name, codes, ratios)
        else:
            if mode == "replace" and name in self.bank:
                self.bank.forget(name)
            self.bank.add(name, codes, ratios=ratios)
        return self.bank[name]

    def codes_of(
        self, images: Sequence[Tensor], boxes: Sequence[Any]
    ) -> Float[Tensor, "shots length"]:
        """A code for each box.

        Parameters
        ----------
        images, boxes
            As :meth:`register`.

        Returns
        -------
        Float[Tensor, "shots length"]

        Raises
        ------
        ValueError
            As :meth:`register`.
        """
        checked = self._checked(images, boxes)
        training = self.generator.training
        self.generator.eval()
        try:
            if isinstance(self.generator, CropEncoder):
                normal = [self._normal(one, number) for number, one in enumerate(images)]
                return self.generator(support_crops(normal, checked))
            maps = self.backbone(self.prepare(images))
            return self.generator(centre_features(maps, checked, self.stride))
        finally:
            self.generator.train(training)

    def _checked(self, images: Sequence[Tensor], boxes: Sequence[Any]) -> list[Tensor]:
        """Boxes of supports as :meth:`prepare` brings their pictures."""
        if len(images) != len(boxes):
            raise ValueError(
                f"boxes must be given for each of {len(images)} images, got {len(boxes)}"
            )
        checked = []
        for number, (image, some) in enumerate(zip(images, boxes, strict=True)):
            inside = check_boxes(some, f"boxes[{number}]").to(self.device)
            inside = clip_boxes(inside, image.shape[-2], image.shape[-1]) * self._scale(image)
            sides = (inside[:, 2:] - inside[:, :2]).amin(1)
            if len(sides) and float(sides.min()) < SHORTEST:
                raise ValueError(
                    f"boxes[{number}] must have sides of {SHORTEST:g} pixels and more within the picture{self._said()}, "
                    f"got {inside[int(sides.argmin())].tolist()}"
                )
            checked.append(inside)
        if not sum(map(len, checked)):
            raise ValueError("boxes must have at least one, got none")
        return checked

    def _ratios(self, images: Sequence[Tensor], boxes: Sequence[Any]) -> Float[Tensor, "shots 2"]:
        """How many times as wide and as high as the map of sizes says at its centre each box is."""
        checked = self._checked(images, boxes)
        maps = self.boxes(self.backbone(self.prepare(images)))[:, :2]
        shared = centre_features(maps, checked, self.stride).clamp(min=0.5)  # in cells
        joined = torch.cat(checked) / self.stride
        return (joined[:, 2:] - joined[:, :2]) / shared

    def forget(self, name: str, *, force: bool = False) -> None:
        """Remove a class; as :meth:`CodeBank.forget`."""
        self.bank.forget(name, force=force)

    def rename(self, old: str, new: str) -> None:
        """Another name for a class; as :meth:`CodeBank.rename`."""
        self.bank.rename(old, new)

    def fingerprint(self) -> str:
        """What codes were made for: a digest of the weights that make features."""
        digest = hashlib.sha256(f"cosine {self.bank.cosine}".encode())
        for key, one in sorted(self.backbone.state_dict().items()):
            digest.update(key.encode())
            digest.update(one.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def save_codes(self, path: str | Path, names: Sequence[str] | None = None) -> Path:
        """Write codes into a file of a few kilobytes.

        Parameters
        ----------
        path : str or Path
        names : sequence of str, optional
            The registered classes without it.

        Returns
        -------
        pathlib.Path
        """
        if names is None:
            names = [name for name in self.classes if not self.bank[name].base]
        header = {"features": self.fingerprint()}
        return write_atomically(path, safetensors.torch.save(self.bank.as_tensors(names), header))

    def load_codes(self, path: str | Path) -> list[str]:
        """Add the classes of a file.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        list of str
            Their names.

        Raises
        ------
        ValueError
            If they were made for the features of another detector, or a name is taken.
        """
        with safe_open(str(path), "pt") as file:
            made_for = (file.metadata() or {}).get("features")
            if made_for != self.fingerprint():
                raise ValueError(
                    f"codes of {Path(path).name} were made for the features {made_for}, this detector has "
                    f"{self.fingerprint()}: register the classes again"
                )
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        before = len(self.classes)
        self.bank.load_tensors(tensors)
        return self.classes[before:]

    @torch.inference_mode()
    def detect(
        self,
        images: Sequence[Tensor],
        threshold: float = 0.3,
        max_detections: int | None = 100,
        *,
        batch_size: int = 16,
    ) -> list[dict[str, Any]]:
        """Boxes in pictures of any size.

        Parameters
        ----------
        images : sequence of Tensor
            As :meth:`prepare`.
        threshold : float
            Least probability.
        max_detections : int, optional
            The most certain of each picture; None keeps all. (A limit on all classes together is the one thing by which a
            new class can push out boxes of old ones.)
        batch_size : int
            Pictures at once.

        Returns
        -------
        list of dict
            ``"boxes"`` (tv_tensors.BoundingBoxes, left, top, right, bottom in pixels, cut at the borders; sides below a
            pixel are left out), ``"scores"``,
            ``"labels"``, ``"names"``; the most certain first.
        """
        training = self.training
        self.eval()
        found: list[dict[str, Any]] = []
        names, scales = self.classes, self.bank.scales
        try:
            for begin in range(0, len(images), batch_size):
                some = images[begin : begin + batch_size]
                _, heat, sizes, offsets = self(self.prepare(some))
                results = decode(
                    heat, sizes, offsets,
                    threshold=threshold, stride=self.stride, max_detections=max_detections, scales=scales,
                )  # fmt: skip
                for image, one in zip(some, results, strict=True):
                    height, width = image.shape[-2:]
                    cut = clip_boxes(one["boxes"] / self._scale(image), height, width)
                    real = (cut[:, 2:] - cut[:, :2]).amin(1) >= 1
                    labels = one["labels"][real]
                    found.append(
                        {
                            "boxes": tv_tensors.BoundingBoxes(
                                cut[real], format="XYXY", canvas_size=(height, width)
                            ),
                            "scores": one["scores"][real],
                            "labels": labels,
                            "names": [names[label] for label in labels.tolist()],
                        }
                    )
        finally:
            self.train(training)
        return found

    def _normal(self, image: Tensor, number: int) -> Float[Tensor, "3 _ _"]:
        if image.ndim != 3 or image.shape[0] not in (1, 3, 4):
            raise ValueError(
                f"images[{number}] must have shape (3, height, width), got {tuple(image.shape)}"
            )
        if image.dtype == torch.uint8:
            image = image.float() / 255
        elif not image.is_floating_point():
            raise ValueError(
                f"images[{number}] must be floats in [0, 1] or uint8, got {image.dtype}"
            )
        image = image.to(self.device, torch.float32)
        image = image[:3] if image.shape[0] == 4 else image.expand(3, -1, -1)
        if self.side is not None:
            scale = self._scale(image)
            shape = [max(1, round(one * scale)) for one in image.shape[1:]]
            image = resize(image, shape, antialias=True)
        return (image - MEAN) / SPREAD

    def _scale(self, image: Tensor) -> float:
        return 1.0 if self.side is None else self.side / max(image.shape[-2:])

    def _said(self) -> str:
        return "" if self.side is None else f" brought to {self.side}"
