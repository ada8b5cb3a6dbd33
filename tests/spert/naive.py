"""The method written down with masks over spans x pieces, pair by pair: oracle of the tests, rival of the benchmark."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from paper_lessons.spert import SpERT, between, enumerate_spans, relation_pairs
from paper_lessons.spert.batches import Pieces, WordPieces
from paper_lessons.spert.samples import Samples


def masked_max(states: Tensor, masks: Tensor) -> Tensor:
    """Maximum over the pieces of each mask; zeros where a mask is empty."""
    filled = states[None].masked_fill(~masks[..., None], -1e30).amax(1)
    return filled * masks.any(1)[:, None]


def piece_masks(spans: list[tuple[int, int]], sentence: Pieces) -> Tensor:
    """One row for each span of words, true at its pieces."""
    masks = torch.zeros(len(spans), len(sentence.ids), dtype=torch.bool)
    for row, (start, end) in enumerate(spans):
        for word in range(start, end):
            first = sentence.first[word]
            masks[row, first : first + sentence.counts[word]] = True
    return masks


@torch.no_grad()
def predict(model: SpERT, sentence: Pieces, threshold: float = 0.4):
    """Entities as (start, end, type, score) and relations as ((start, end), (start, end), type, score), as the reference decides."""
    ids = torch.from_numpy(sentence.ids)[None]
    states = model.encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
    spans = enumerate_spans(len(sentence.counts), model.max_width)
    if not spans:
        return [], []
    pooled = masked_max(states, piece_masks(spans, sentence))
    width = model.width(torch.tensor([end - start for start, end in spans]))
    cls = states[0].expand(len(spans), -1)
    scores = model.entity(torch.cat([cls, pooled, width], 1)).softmax(1)
    best, kinds = scores.max(1)
    kept = [i for i in range(len(spans)) if kinds[i] > 0]
    entities = [(*spans[i], int(kinds[i]) - 1, float(best[i])) for i in kept]
    relations: list = []
    pairs = [(kept[a], kept[b]) for a, b in relation_pairs(len(kept))]
    if not pairs or not model.types.relations:
        return entities, relations
    head, tail = (torch.tensor(side) for side in zip(*pairs, strict=True))
    gaps = [between(spans[a], spans[b]) for a, b in pairs]
    context = masked_max(states, piece_masks(gaps, sentence))
    joined = torch.cat([context, pooled[head], pooled[tail], width[head], width[tail]], 1)
    found = torch.sigmoid(model.relation(joined))
    seen = set()
    for row, (a, b) in enumerate(pairs):
        for kind, name in enumerate(model.types.relations):
            score = float(found[row, kind])
            if score < threshold:
                continue
            one, two = spans[a], spans[b]
            if name in model.types.symmetric and two < one:
                one, two = two, one
            if (one, two, kind) not in seen:  # the first pair's score stays
                seen.add((one, two, kind))
                relations.append((one, two, kind, score))
    return entities, relations


def loss(model: SpERT, sentences: list[Pieces], samples: Samples) -> Tensor:
    """The loss of a batch, its spans and contexts pooled with masks."""
    length = max(len(one.ids) for one in sentences)
    ids = torch.zeros(len(sentences), length, dtype=torch.long)
    attention = torch.zeros_like(ids)
    for row, one in enumerate(sentences):
        ids[row, : len(one.ids)], attention[row, : len(one.ids)] = torch.from_numpy(one.ids), 1
    states = model.encoder(input_ids=ids, attention_mask=attention).last_hidden_state
    at, spans = samples.sentence, [tuple(one) for one in samples.spans.tolist()]
    pooled, gaps = [], []
    for row, one in enumerate(sentences):
        inside = states[row, : len(one.ids)]
        own = [spans[i] for i in (at == row).nonzero().squeeze(1).tolist()]
        pooled.append(masked_max(inside, piece_masks(own, one)))
        pairs = [pair for pair in samples.pairs.tolist() if at[pair[0]] == row]
        between_them = [between(spans[a], spans[b]) for a, b in pairs]
        gaps.append(masked_max(inside, piece_masks(between_them, one)))
    span, gap = torch.cat(pooled), torch.cat(gaps)
    width = model.width(samples.spans[:, 1] - samples.spans[:, 0])
    logits = model.entity(model.dropout(torch.cat([states[at, 0], span, width], 1)))
    head, tail = samples.pairs.T
    joined = torch.cat([gap, span[head], span[tail], width[head], width[tail]], 1)
    scores = model.relation(model.dropout(joined))
    return F.cross_entropy(logits, samples.kinds) + F.binary_cross_entropy_with_logits(
        scores, samples.labels
    )


def firing(
    encoder, tokenizer, documents, types, *, share: float = 0.06, std: float = 0.15, **options
) -> SpERT:
    """Random classifiers whose scores spread, with such a bias that a share of all spans and pairs passes."""
    torch.manual_seed(0)
    model = SpERT(
        encoder, types.entities, types.relations, types.symmetric, none_bias=0.0, **options
    )
    for layer in (model.entity, model.relation, model.width):
        torch.nn.init.normal_(layer.weight, std=std)
    torch.nn.init.constant_(model.relation.bias, -1.0)
    splitter = WordPieces(tokenizer)
    model.eval()
    with torch.no_grad():
        pieces = splitter.split([one.tokens for one in documents])
        batch = splitter.batch([splitter.join(one) for one in pieces])
        cls, table = model.encode(batch)
        above = []
        for width, pooled in enumerate(table.widths(model.max_width), start=1):
            row, start = (torch.arange(pooled.shape[1]) + width <= batch.words[:, None]).nonzero(
                as_tuple=True
            )
            wide = model.width.weight[width].expand(len(row), -1)
            logits = model.entity(torch.cat([cls[row], pooled[row, start], wide], 1))
            above.append(logits[:, 1:].amax(1) - logits[:, 0])
        model.entity.bias[0] = torch.cat(above).quantile(1 - share)
    return model
