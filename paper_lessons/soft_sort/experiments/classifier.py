"""The paper's small network and its training: plain PyTorch under ``accelerate``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


def small_cnn(
    channels: int, height: int, width: int, classes: int, *, filters: int = 16
) -> nn.Sequential:
    """The paper's small network: 4 convolutions, 2 max-pools, 2 fully connected layers.

    Parameters
    ----------
    channels, height, width : int
        Shape of an image; the sides must be 4 pixels or more.
    classes : int
        How many logits.
    filters : int
        Channels of the first two convolutions; the next two have twice as many, the hidden layer
        eight times as many.

    Returns
    -------
    torch.nn.Sequential
        From ``(batch, channels, height, width)`` to ``(batch, classes)``.

    Raises
    ------
    ValueError
        If the images are too small to be pooled twice.

    Notes
    -----
    Source: the paper's experiment on top-k classification; its widths are not known to us.

    Examples
    --------
    >>> small_cnn(1, 8, 8, 10)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    if min(height, width) < 4:
        raise ValueError(f"images must have sides of 4 pixels or more, got {height} x {width}")
    wide, hidden = 2 * filters, 8 * filters
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(filters, filters, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(filters, wide, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(wide, wide, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(wide * (height // 4) * (width // 4), hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def train_classifier(
    images: Float[Tensor, "samples channels height width"],
    labels: Int[Tensor, " samples"],
    *,
    classes: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    seed: int,
    epochs: int = 20,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    filters: int = 16,
) -> nn.Module:
    """Train :func:`small_cnn` with Adam, on whatever device ``accelerate`` finds.

    Parameters
    ----------
    images : Float[Tensor, "samples channels height width"]
    labels : Int[Tensor, "samples"]
    classes : int
        How many classes there are.
    loss : callable
        From logits ``(batch, classes)`` and labels ``(batch,)`` to a scalar.
    seed : int
        Fixes the first weights and the order of the batches.
    epochs, batch_size : int
    learning_rate : float
    filters : int
        Width of the network.

    Returns
    -------
    torch.nn.Module
        Trained, on the device it was trained on, in evaluation mode.

    Examples
    --------
    >>> images, labels = torch.rand(8, 1, 4, 4), torch.arange(8) % 2
    >>> options = {"classes": 2, "loss": nn.functional.cross_entropy, "seed": 0, "epochs": 1}
    >>> train_classifier(images, labels, **options).training
    False
    """
    accelerator = Accelerator()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        channels, height, width = images.shape[1:]
        model: Any = small_cnn(channels, height, width, classes, filters=filters)
        optimizer: Any = torch.optim.Adam(model.parameters(), lr=learning_rate)
        loader: Any = _batches(images, labels, batch_size, seed)
        model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
        model.train()
        for _ in range(epochs):
            for batch, wanted in loader:
                optimizer.zero_grad()
                accelerator.backward(loss(model(batch), wanted))
                optimizer.step()
    return accelerator.unwrap_model(model).eval()


def topk_accuracy(
    logits: Float[Tensor, "samples classes"], labels: Int[Tensor, " samples"], k: int
) -> float:
    """Share of the samples whose true class is among the k largest logits.

    Parameters
    ----------
    logits : Float[Tensor, "samples classes"]
    labels : Int[Tensor, "samples"]
    k : int

    Returns
    -------
    float

    Examples
    --------
    >>> topk_accuracy(torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), torch.tensor([1, 0]), 2)
    0.5
    """
    best = logits.topk(k, dim=-1).indices
    return (best == labels.unsqueeze(-1)).any(-1).double().mean().item()


@torch.no_grad()
def predict_logits(
    model: nn.Module, images: Float[Tensor, "samples channels height width"]
) -> Float[Tensor, "samples classes"]:
    """Logits of all images, computed in parts on the model's device.

    Parameters
    ----------
    model : torch.nn.Module
    images : Float[Tensor, "samples channels height width"]

    Returns
    -------
    Float[Tensor, "samples classes"]
        On the CPU.
    """
    device = next(model.parameters()).device
    return torch.cat([model(part.to(device)).cpu() for part in images.split(512)])


class _Pictures(Dataset):
    """Gives a whole batch with one indexing; picture by picture takes longer than a small network."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        return self.images[rows], self.labels[rows]


def _batches(images: Tensor, labels: Tensor, batch_size: int, seed: int) -> DataLoader:
    return DataLoader(
        _Pictures(images, labels),
        batch_size=min(batch_size, len(labels)),
        shuffle=True,
        generator=torch.Generator().manual_seed(seed),
        collate_fn=_as_they_are,
        drop_last=True,  # batch normalisation cannot work on a remainder of one
    )


def _as_they_are(batch: Any) -> Any:
    return batch
