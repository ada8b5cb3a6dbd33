"""Noise to add: on numbers, and on the vectors of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GaussianNoise(nn.Module):
    """Normal noise of one size on every number.

    Parameters
    ----------
    sigma : float
        Standard deviation, in the inputs' units.

    Raises
    ------
    ValueError
        If it is negative.

    Examples
    --------
    >>> tuple(GaussianNoise(0.1)(torch.zeros(2, 3)).shape)
    (2, 3)
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        if not sigma >= 0:
            raise ValueError(f"sigma must not be negative, got {sigma}")
        self.sigma = sigma

    def forward(self, inputs: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
        """The inputs with noise.

        Parameters
        ----------
        inputs : Float[Tensor, " ..."]

        Returns
        -------
        Float[Tensor, " ..."]
        """
        return inputs + self.sigma * torch.randn_like(inputs)

    def extra_repr(self) -> str:
        """How it prints."""
        return f"sigma={self.sigma}"


class EmbeddingNoise(nn.Module):
    """Normal noise on the vectors of words, for models that take vectors in place of numbers.

    The vectors are looked up with a graph, so that the embedding goes on learning from the copies that are chosen.

    Parameters
    ----------
    embedding : nn.Embedding
        The model's own. It is not owned: its weights are not this module's.
    sigma : float
        Standard deviation, as a share of that of all the embedding's numbers.
    name : str
        Under which the numbers come, in a mapping.
    as_name : str
        Under which the vectors leave.

    Raises
    ------
    ValueError
        If the noise is negative.

    Examples
    --------
    >>> noise = EmbeddingNoise(nn.Embedding(10, 4), 0.3)
    >>> {name: tuple(one.shape) for name, one in noise({"input_ids": torch.tensor([[1, 2, 3]])}).items()}
    {'inputs_embeds': (1, 3, 4)}
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        sigma: float,
        *,
        name: str = "input_ids",
        as_name: str = "inputs_embeds",
    ) -> None:
        super().__init__()
        if not sigma >= 0:
            raise ValueError(f"sigma must not be negative, got {sigma}")
        self.embedding = [embedding]  # in a list, a module is not a part
        self.sigma, self.name, self.as_name = sigma, name, as_name

    def forward(self, inputs: Any) -> Any:
        """Numbers of words to noisy vectors.

        Parameters
        ----------
        inputs : Int[Tensor, "..."], or a mapping that has them

        Returns
        -------
        Float[Tensor, "... features"], or a mapping that has them in place of the numbers
        """
        (embedding,) = self.embedding
        numbers = inputs[self.name] if isinstance(inputs, Mapping) else inputs
        size = self.sigma * embedding.weight.detach().std()
        vectors = embedding(numbers)
        noisy = vectors + size * torch.randn_like(vectors)
        if not isinstance(inputs, Mapping):
            return noisy
        rest = {name: one for name, one in inputs.items() if name != self.name}
        return {**rest, self.as_name: noisy}
