"""A class is a few numbers: the weights of a 1 x 1 convolution that draws its heat map.

All codes lie in one table, in blocks of 64 slots, and every block is one convolution of always the same shape. So the numbers of
a class do not depend on how many others there are: not by a bit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

BLOCK = 64


def draw_codes(
    features: Float[Tensor, "batch features height width"],
    codes: Float[Tensor, "classes length"],
    *,
    unit: bool = False,
) -> tuple[
    Float[Tensor, "batch classes height width"],
    Float[Tensor, "batch classes 2 height width"] | None,
]:
    """Maps of some codes, each a convolution kernel of one cell.

    Parameters
    ----------
    features : Float[Tensor, "batch features height width"]
    codes : Float[Tensor, "classes length"]
        Weights of the heat map; of width and height, where sizes are the class's own; the heat map's bias.
    unit : bool
        Whether the heat map reads features of length 1, so that only their direction counts.

    Returns
    -------
    Float[Tensor, "batch classes height width"]
        Heat, before the sigmoid.
    Float[Tensor, "batch classes 2 height width"], or None where sizes are shared

    Examples
    --------
    >>> heat, sizes = draw_codes(torch.ones(1, 2, 1, 1), torch.tensor([[2.0, 1.0, -0.5]]))
    >>> heat.item(), sizes
    (2.5, None)
    """
    width = features.shape[1]
    read = F.normalize(features, dim=1) if unit else features
    heat = F.conv2d(read, codes[:, :width, None, None], codes[:, -1])
    if codes.shape[1] == width + 1:
        return heat, None
    own = codes[:, width:-1].reshape(-1, width, 1, 1)  # width, then height, of each class
    return heat, F.conv2d(features, own).unflatten(1, (len(codes), 2))


@dataclass(frozen=True)
class ClassCode:
    """What is known of a class.

    Attributes
    ----------
    name : str
    vector : Float[Tensor, "length"]
        Mean over the shots: weights of the heat map; where sizes are its own, weights of width and of height; last the
        heat map's bias.
    shots : int
        Pictures of objects that it is the mean of; 0 of a class that was trained.
    base : bool
        Whether it was trained with the detector.
    scale : tuple of float
        By what its width and height are multiplied.
    """

    name: str
    vector: Float[Tensor, " length"]
    shots: int
    base: bool
    scale: tuple[float, float]


class CodeBank(nn.Module):
    """The codes of all classes.

    Parameters
    ----------
    features : int
        Channels of the feature map.
    class_specific_size : bool
        Whether a code has weights for width and height, too.
    cosine : bool
        Whether the codes of registered classes read features of length 1. Those of base classes never do.

    Examples
    --------
    >>> bank = CodeBank(2)
    >>> bank.add("mug", torch.tensor([[1.0, 0.0, -1.0], [3.0, 2.0, 0.0]]))
    >>> bank["mug"].vector.tolist(), bank["mug"].shots
    ([2.0, 1.0, -0.5], 2)
    >>> bank(torch.ones(1, 2, 1, 1))[0].flatten().tolist()
    [2.5]
    """

    table: Tensor

    def __init__(
        self, features: int, class_specific_size: bool = False, cosine: bool = False
    ) -> None:
        super().__init__()
        self.cosine = cosine
        self.features, self.rows = features, 3 if class_specific_size else 1
        self.length = self.rows * features + 1
        self.register_buffer("table", torch.zeros(0, self.length))
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    @property
    def names(self) -> list[str]:
        """Classes in the order of the outputs: as they came."""
        return list(self._entries)

    def __getitem__(self, name: str) -> ClassCode:
        entry = self._known(name)
        width, height = entry.scale.tolist()
        code = self.table[entry.slot].clone()
        return ClassCode(name, code, entry.shots, entry.base, (width, height))

    @property
    def scales(self) -> Float[Tensor, "classes 2"]:
        """By what width and height of each class are multiplied: 1, unless they were fitted to its shots."""
        found = [one.scale for one in self._entries.values()]
        return torch.stack(found).to(self.table) if found else self.table.new_zeros(0, 2)

    def add(
        self,
        name: str,
        codes: Float[Tensor, "shots length"],
        *,
        base: bool = False,
        ratios: Float[Tensor, "shots 2"] | None = None,
    ) -> None:
        """A new class, the mean of the codes of some shots.

        Parameters
        ----------
        name : str
        codes : Float[Tensor, "shots length"]
        base : bool
        ratios : Float[Tensor, "shots 2"], optional
            How many times as wide and as high as the shared sizes say each shot is; the class's scale is their
            geometric mean.

        Raises
        ------
        ValueError
            If the name is taken, or the codes are none or of another length.
        """
        if name in self._entries:
            raise ValueError(
                f"name {name!r} is taken; mode='update' adds shots to it, mode='replace' begins anew"
            )
        codes = self._checked(codes)
        slot = self._free_slot(base)
        entry = _Entry(slot, codes.double().sum(0), len(codes), base, _summed(ratios))
        self._entries[name] = entry
        self._write(entry)
        if base:
            entry.shots = 0

    def replace_base(self, codes: Float[Tensor, "classes length"]) -> None:
        """New codes of the base classes, in their order: what training ends with.

        Parameters
        ----------
        codes : Float[Tensor, "classes length"]

        Raises
        ------
        ValueError
            If they are not one for each base class.
        """
        base = [one for one in self._entries.values() if one.base]
        if codes.shape != (len(base), self.length):
            raise ValueError(
                f"codes must have shape {(len(base), self.length)}, got {tuple(codes.shape)}"
            )
        for entry, code in zip(base, codes.detach(), strict=True):
            entry.total = code.double()
            self.table[entry.slot] = code

    @property
    def base_names(self) -> list[str]:
        """Those of the trained classes."""
        return [name for name, one in self._entries.items() if one.base]

    def update(
        self,
        name: str,
        codes: Float[Tensor, "shots length"],
        ratios: Float[Tensor, "shots 2"] | None = None,
    ) -> None:
        """More shots of a class: its code becomes the mean of all of them.

        Parameters
        ----------
        name : str
        codes, ratios
            As :meth:`add`.

        Raises
        ------
        ValueError
            If there is no such class, or it was trained and not registered.
        """
        entry = self._known(name)
        if entry.base:
            raise ValueError(f"name {name!r} is a base class, which has no shots to add to")
        codes = self._checked(codes)
        entry.total = entry.total + codes.double().sum(0)
        entry.shots += len(codes)
        entry.ratios = entry.ratios + _summed(ratios)
        self._write(entry)

    def forget(self, name: str, *, force: bool = False) -> None:
        """Remove a class; its slot becomes free.

        Parameters
        ----------
        name : str
        force : bool
            Whether base classes may be removed: no shots bring them back.

        Raises
        ------
        ValueError
            If there is no such class, or it is a base class.
        """
        entry = self._known(name)
        if entry.base and not force:
            raise ValueError(f"name {name!r} is a base class; force=True forgets it for good")
        self.table[entry.slot] = 0
        del self._entries[name]

    def rename(self, old: str, new: str) -> None:
        """Another name for a class; it keeps its place.

        Parameters
        ----------
        old, new : str

        Raises
        ------
        ValueError
            If there is no such class, or the new name is taken.
        """
        self._known(old)
        if new in self._entries and new != old:
            raise ValueError(f"name {new!r} is taken")
        self._entries = {new if key == old else key: one for key, one in self._entries.items()}

    def forward(
        self, features: Float[Tensor, "batch features height width"]
    ) -> tuple[Float[Tensor, "batch classes height width"], Tensor | None]:
        """Heat maps of all classes, before the sigmoid, and their sizes.

        Parameters
        ----------
        features : Float[Tensor, "batch features height width"]

        Returns
        -------
        Float[Tensor, "batch classes height width"]
        Float[Tensor, "batch classes 2 height width"], or None where sizes are shared
        """
        slots = [one.slot for one in self._entries.values()]
        kinds = self._kinds()
        used = sorted(kinds)
        if not used:
            empty = features.new_empty(len(features), 0, *features.shape[2:])
            return empty, None if self.rows == 1 else empty[:, :, None].expand(-1, -1, 2, -1, -1)
        drawn = [
            draw_codes(
                features,
                self.table[one * BLOCK : (one + 1) * BLOCK],
                unit=self.cosine and not kinds[one],
            )
            for one in used
        ]
        places = [used.index(slot // BLOCK) * BLOCK + slot % BLOCK for slot in slots]
        heat = _chosen([one for one, _ in drawn], places)
        sizes = [one for _, one in drawn if one is not None]
        return heat, _chosen(sizes, places) if sizes else None

    def as_tensors(self, names: Sequence[str] | None = None) -> dict[str, Tensor]:
        """All that is known of some classes, as tensors that a file can hold.

        Parameters
        ----------
        names : sequence of str, optional
            All classes without it.

        Returns
        -------
        dict of str to Tensor
            ``"names"`` are bytes of JSON.
        """
        chosen = {name: self._known(name) for name in (self.names if names is None else names)}
        entries = list(chosen.values())
        text = json.dumps(list(chosen), ensure_ascii=False).encode()
        totals = [one.total for one in entries]
        return {
            "names": torch.tensor(list(text), dtype=torch.uint8),
            "codes": self.table[[one.slot for one in entries]].clone(),
            "totals": torch.stack(totals) if totals else torch.zeros(0, self.length).double(),
            "ratios": torch.stack([one.ratios for one in entries])
            if entries
            else torch.zeros(0, 3).double(),
            "shots": torch.tensor([one.shots for one in entries], dtype=torch.long),
            "base": torch.tensor([one.base for one in entries], dtype=torch.bool),
        }

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Classes of :meth:`as_tensors`, in their order; all or none.

        Parameters
        ----------
        tensors : dict of str to Tensor

        Raises
        ------
        ValueError
            If a name is taken, or codes have another length.
        """
        names = json.loads(bytes(tensors["names"].tolist()).decode())
        taken = [name for name in names if name in self._entries]
        if taken:
            raise ValueError(f"names must be free, but {', '.join(taken)} stand here already")
        if len(names) and tensors["codes"].shape[1] != self.length:
            raise ValueError(
                f"codes must have {self.length} numbers, got {tensors['codes'].shape[1]}"
            )
        for number, name in enumerate(names):
            base = bool(tensors["base"][number])
            self.add(name, tensors["codes"][number : number + 1].to(self.table), base=base)
            entry = self._entries[name]
            entry.total = tensors["totals"][number].to(self.table.device)
            entry.ratios = tensors["ratios"][number].cpu()
            entry.shots = int(tensors["shots"][number])
            self.table[entry.slot] = tensors["codes"][number].to(self.table)

    def _save_to_state_dict(self, destination, prefix, keep_vars) -> None:
        destination.update({prefix + key: one for key, one in self.as_tensors().items()})

    def _load_from_state_dict(self, state, prefix, metadata, strict, missing, *rest) -> None:
        keys = ("names", "codes", "totals", "ratios", "shots", "base")
        absent = [prefix + key for key in keys if prefix + key not in state]
        missing.extend(absent)
        if not absent:
            self._entries.clear()
            self.table = self.table[:0]
            self.load_tensors({key: state[prefix + key] for key in keys})

    def _kinds(self) -> dict[int, bool]:
        """Of each block that is in use, whether its classes are base classes."""
        return {one.slot // BLOCK: one.base for one in self._entries.values()}

    def _free_slot(self, base: bool) -> int:
        """The first in a block of this kind or of none; the table grows where there is none."""
        taken, kinds = {one.slot for one in self._entries.values()}, self._kinds()
        for slot in range(len(self.table) + 1):
            if slot not in taken and kinds.get(slot // BLOCK, base) == base:
                break
        if slot >= len(self.table):
            more = self.table.new_zeros(BLOCK, self.length)
            self.table = torch.cat([self.table, more])
        return slot

    def _write(self, entry: _Entry) -> None:
        self.table[entry.slot] = (entry.total / entry.shots).to(self.table)

    def _known(self, name: str) -> _Entry:
        if name not in self._entries:
            known = ", ".join(self._entries) or "(none)"
            raise ValueError(f"name must be one of {known}; got {name!r}")
        return self._entries[name]

    def _checked(self, codes: Tensor) -> Tensor:
        if codes.ndim != 2 or codes.shape[1] != self.length or not len(codes):
            raise ValueError(
                f"codes must have shape (shots, {self.length}) with at least one shot, got {tuple(codes.shape)}"
            )
        return codes.detach()


def _chosen(blocks: list[Tensor], places: list[int]) -> Tensor:
    joined = blocks[0] if len(blocks) == 1 else torch.cat(blocks, 1)
    if places == list(range(len(places))):  # as they came: no copy
        return joined[:, : len(places)]
    return joined[:, places]


def _summed(ratios: Tensor | None) -> Tensor:
    """Logarithms of width and height, added up, and of how many shots."""
    if ratios is None:
        return torch.zeros(3).double()
    logs = ratios.double().cpu().log().sum(0)
    return torch.cat([logs, logs.new_tensor([len(ratios)])])


@dataclass
class _Entry:
    slot: int
    # sums in double precision, so that shots one by one and all at once agree
    total: Float[Tensor, " length"]
    shots: int
    base: bool
    ratios: Float[Tensor, " 3"]

    @property
    def scale(self) -> Float[Tensor, " 2"]:
        return (self.ratios[:2] / self.ratios[2].clamp(min=1)).exp()
