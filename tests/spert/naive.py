"""The method written down with masks over spans x pieces, pair by pair: oracle of the tests, rival of the benchmark."""

from __future__ import annotations

import torch
from torch import Tensor

from paper_lessons.spert import SpERT, between, enumerate_spans, relation_pairs
from paper_lessons.spert.batches import Pieces


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
