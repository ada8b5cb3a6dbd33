"""The model: an encoder, a classifier of spans, a classifier of pairs of spans."""

# Annotations are values here: the hub's mixin asks them which argument is an encoder.

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from paper_lessons.spert.batches import Batch
from paper_lessons.spert.documents import Types
from paper_lessons.spert.pooling import MaxTable, SumTable, between_maxpool, word_maxpool
from paper_lessons.spert.samples import Samples

Pooling = Literal["max", "mean", "sum"]
Context = Literal["between", "sentence", "cls"]

WIDEST = 100  # rows of the table of widths: wider entities share the last one


class SpERT(
    nn.Module,
    PyTorchModelHubMixin,
    coders={
        PreTrainedModel: (
            lambda encoder: encoder.config.to_dict(),
            lambda config: AutoModel.from_config(AutoConfig.for_model(**config)),
        )
    },
):
    """Finds entities and relations with one pass of an encoder.

    Parameters
    ----------
    encoder : transformers.PreTrainedModel
        Gives ``last_hidden_state``; of a loaded model it is made from its configuration.
    entity_types, relation_types : sequence of str
        Without "None".
    symmetric : sequence of str
        Relations that hold in both directions.
    max_width : int
        Words of the widest span that is tried.
    width_dimension : int
        Length of the width embedding; 0 does without.
    dropout : float
        On the classifiers' inputs.
    pooling : "max", "mean" or "sum"
        How a span's pieces become one vector; "max" is the paper's.
    context : "between", "sentence" or "cls"
        What a pair sees of its sentence: the words between its spans (the paper's), all words, or the first sign.
    none_bias : float
        First bias of "no entity". Above 0 an untrained model calls few spans entities, of which pairs are made.

    Raises
    ------
    ValueError
        If an option is none of these.

    Notes
    -----
    Source: section 3 of the paper; order of the parts as in its public code: [CLS; span; width] and
    [context; head; tail; width of the head; width of the tail].

    Examples
    --------
    >>> from paper_lessons.spert.encoders import small_encoder
    >>> encoder, tokenizer = small_encoder([["Ann", "left"]], hidden=32)
    >>> model = SpERT(encoder, ["Person"], ["knows"], symmetric=["knows"])
    >>> model.entity.in_features, model.relation.in_features
    (89, 146)
    """

    def __init__(
        self,
        encoder: PreTrainedModel,
        entity_types: Sequence[str],
        relation_types: Sequence[str] = (),
        symmetric: Sequence[str] = (),
        *,
        max_width: int = 10,
        width_dimension: int = 25,
        dropout: float = 0.1,
        pooling: Pooling = "max",
        context: Context = "between",
        none_bias: float = 3.0,
    ) -> None:
        super().__init__()
        if pooling not in ("max", "mean", "sum"):
            raise ValueError(f"pooling must be max, mean or sum, got {pooling!r}")
        if context not in ("between", "sentence", "cls"):
            raise ValueError(f"context must be between, sentence or cls, got {context!r}")
        if not 1 <= max_width < WIDEST:
            raise ValueError(f"max_width must lie in [1, {WIDEST - 1}], got {max_width}")
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # type: ignore[assignment]  # would be saved and never trained
        self.encoder = encoder
        self.types = Types(tuple(entity_types), tuple(relation_types), tuple(symmetric))
        self.max_width, self.pooling, self.context = max_width, pooling, context
        self.hidden = encoder.config.hidden_size
        self.width = nn.Embedding(WIDEST, width_dimension)
        self.entity = nn.Linear(2 * self.hidden + width_dimension, 1 + len(self.types.entities))
        with warnings.catch_warnings():  # without relation types there is nothing to initialise
            warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
            pair = 3 * self.hidden + 2 * width_dimension
            self.relation = nn.Linear(pair, len(self.types.relations))
        self.dropout = nn.Dropout(dropout)
        for layer in (self.width, self.entity, self.relation):
            nn.init.normal_(layer.weight, std=0.02)
        for head in (self.entity, self.relation):
            nn.init.zeros_(head.bias)
        with torch.no_grad():
            self.entity.bias[0] = none_bias

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.entity.weight.device

    def encode(self, batch: Batch) -> tuple[Float[Tensor, "batch hidden"], MaxTable | SumTable]:
        """The first sign's vector of each sentence, and a table from which spans and contexts are read.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        Float[Tensor, "batch hidden"], MaxTable or SumTable
        """
        states = self.encoder(input_ids=batch.ids, attention_mask=batch.attention).last_hidden_state
        if self.pooling == "max":
            return states[:, 0], MaxTable(word_maxpool(states, batch.first, batch.counts))
        words = (
            word_maxpool(states, batch.first, batch.counts, reduce="sum") * batch.real[..., None]
        )
        return states[:, 0], SumTable(words, batch.counts if self.pooling == "mean" else None)

    def contexts(
        self,
        cls: Float[Tensor, "batch hidden"],
        table: MaxTable | SumTable,
        batch: Batch,
        sentence: Int[Tensor, " pairs"],
        head: Int[Tensor, "pairs 2"],
        tail: Int[Tensor, "pairs 2"],
    ) -> Float[Tensor, "pairs hidden"]:
        """What pairs see of their sentence.

        Parameters
        ----------
        cls, table
            From :meth:`encode`.
        batch : Batch
        sentence : Int[Tensor, "pairs"]
        head, tail : Int[Tensor, "pairs 2"]

        Returns
        -------
        Float[Tensor, "pairs hidden"]
        """
        if self.context == "between":
            return between_maxpool(table, sentence, head, tail)
        if self.context == "cls":
            return cls[sentence]
        rows = torch.arange(len(batch.words), device=cls.device)
        return table.ranges(rows, torch.zeros_like(batch.words), batch.words)[sentence]

    def widths(self, spans: Int[Tensor, "spans 2"]) -> Float[Tensor, "spans dimension"]:
        """Embeddings of the spans' widths in words."""
        return self.width((spans[:, 1] - spans[:, 0]).clamp(max=WIDEST - 1))

    def forward(self, batch: Batch, samples: Samples) -> Float[Tensor, ""]:
        """The loss; see :meth:`loss`. (Data-parallel training calls the model, not its methods.)

        Parameters
        ----------
        batch : Batch
        samples : Samples

        Returns
        -------
        Float[Tensor, ""]
        """
        return sum(self.loss(batch, samples).values())  # type: ignore[return-value]

    def loss(self, batch: Batch, samples: Samples) -> dict[str, Float[Tensor, ""]]:
        """Cross-entropy of the spans, and binary cross-entropy of the pairs, each a mean over the batch's samples.

        Parameters
        ----------
        batch : Batch
        samples : Samples

        Returns
        -------
        dict
            ``"entities"`` and ``"relations"``, which are added up.
        """
        cls, table = self.encode(batch)
        at, spans = samples.sentence, samples.spans
        pooled, width = table.ranges(at, spans[:, 0], spans[:, 1]), self.widths(spans)
        logits = self.entity(self.dropout(torch.cat([cls[at], pooled, width], 1)))
        # without samples there is a sum of nothing, so that every parameter has a gradient
        entities = F.cross_entropy(logits, samples.kinds) if len(at) else logits.sum()
        head, tail = samples.pairs[:, 0], samples.pairs[:, 1]
        context = self.contexts(cls, table, batch, at[head], spans[head], spans[tail])
        parts = [context, pooled[head], pooled[tail], width[head], width[tail]]
        scores = self.relation(self.dropout(torch.cat(parts, 1)))
        relations = (
            F.binary_cross_entropy_with_logits(scores, samples.labels.to(scores.dtype))
            if scores.numel()
            else scores.sum()
        )
        return {"entities": entities, "relations": relations}

    def options(self) -> dict[str, Any]:
        """The arguments that made the model, but for the encoder."""
        return {key: value for key, value in self._hub_mixin_config.items() if key != "encoder"}  # type: ignore[union-attr]
