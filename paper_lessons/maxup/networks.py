"""The small networks of the experiments."""

from __future__ import annotations

from itertools import pairwise

from jaxtyping import Float, Int
from torch import Tensor, nn


class Perceptron(nn.Sequential):
    """Layers that see every number.

    Parameters
    ----------
    sizes : int
        Numbers of a sample, of each hidden layer, and of classes.

    Examples
    --------
    >>> import torch
    >>> tuple(Perceptron(64, 96, 10)(torch.rand(2, 1, 8, 8)).shape)
    (2, 10)
    """

    def __init__(self, *sizes: int) -> None:
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes[:-1]):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers, nn.Linear(sizes[-2], sizes[-1]))


class SmallConvNet(nn.Sequential):
    """Three convolutions with batch normalisation, then one linear layer.

    Parameters
    ----------
    channels, classes : int
    width : int
        Of the first layer; it doubles twice.

    Examples
    --------
    >>> import torch
    >>> tuple(SmallConvNet()(torch.rand(2, 1, 28, 28)).shape)
    (2, 10)
    """

    def __init__(self, channels: int = 1, classes: int = 10, width: int = 16) -> None:
        layers: list[nn.Module] = []
        before = channels
        for number, after in enumerate((width, 2 * width, 4 * width)):
            layers += [
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
            if number < 2:
                layers.append(nn.MaxPool2d(2))
            before = after
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


class CharacterModel(nn.Module):
    """Guesses the next character from some before it.

    Parameters
    ----------
    vocabulary : int
    context : int
        Characters that it sees.
    features, hidden : int

    Examples
    --------
    >>> import torch
    >>> model = CharacterModel(30)
    >>> tuple(model(torch.zeros(2, 10, dtype=torch.long)).shape)
    (2, 30)
    """

    def __init__(
        self, vocabulary: int, context: int = 10, features: int = 24, hidden: int = 160
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, features)
        self.layers = nn.Sequential(
            nn.Linear(context * features, hidden), nn.Tanh(), nn.Linear(hidden, vocabulary)
        )

    def forward(
        self, given: Int[Tensor, "batch context"] | Float[Tensor, "batch context features"]
    ) -> Float[Tensor, "batch vocabulary"]:
        """Logits of the next character.

        Parameters
        ----------
        given : Int[Tensor, "batch context"] or Float[Tensor, "batch context features"]
            Characters, or their vectors.

        Returns
        -------
        Float[Tensor, "batch vocabulary"]
        """
        vectors = given if given.is_floating_point() else self.embedding(given)
        return self.layers(vectors.flatten(1))


class SentenceClassifier(nn.Module):
    """An encoder of transformers, the mean of its vectors, one linear layer.

    Parameters
    ----------
    encoder : transformers.PreTrainedModel
    classes : int

    Examples
    --------
    >>> import torch
    >>> from transformers import BertConfig, BertModel
    >>> small = BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    >>> model = SentenceClassifier(BertModel(small), 3)
    >>> ids = torch.tensor([[2, 7, 3, 0]])
    >>> tuple(model(input_ids=ids, attention_mask=(ids > 0).long()).shape)
    (1, 3)
    """

    def __init__(self, encoder: nn.Module, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, classes)  # type: ignore[union-attr, arg-type]

    def forward(
        self,
        attention_mask: Int[Tensor, "batch words"],
        input_ids: Int[Tensor, "batch words"] | None = None,
        inputs_embeds: Float[Tensor, "batch words features"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        """Logits of the classes.

        Parameters
        ----------
        attention_mask : Int[Tensor, "batch words"]
            1 where a word stands, 0 behind the end.
        input_ids : Int[Tensor, "batch words"], optional
        inputs_embeds : Float[Tensor, "batch words features"], optional
            One of the two.

        Returns
        -------
        Float[Tensor, "batch classes"]
        """
        found = self.encoder(
            input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask
        ).last_hidden_state
        kept = attention_mask[:, :, None].to(found)
        return self.head((found * kept).sum(1) / kept.sum(1).clamp(min=1))
