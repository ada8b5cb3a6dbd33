"""Wrong answers to exercise 2."""
# ruff: noqa: F811, F821


# %% a threshold of one half
# loses: filtering-seven filtering-large filtering-hidden-overlap filtering-hidden-small
# says: Is there a threshold?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        row = np.asarray(row) - np.max(row)
        chances = np.exp(row) / np.exp(row).sum()
        kind = int(row.argmax())
        if kind > 0 and chances[kind] >= 0.5:
            kept.append((span, kind, float(chances[kind])))
    return kept


# %% types are counted without none
# loses: filtering-seven filtering-large filtering-hidden-overlap filtering-hidden-small
# says: Which number has the first one after none?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        row = np.asarray(row) - np.max(row)
        chances = np.exp(row) / np.exp(row).sum()
        kind = int(row.argmax())
        if kind > 0:
            kept.append((span, kind - 1, float(chances[kind])))
    return kept


# %% none does not belong to the softmax
# loses: filtering-seven filtering-large filtering-hidden-overlap filtering-hidden-small
# says: Does none belong to the softmax?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        row = np.asarray(row) - np.max(row)
        chances = np.exp(row[1:]) / np.exp(row[1:]).sum()
        kind = int(row.argmax())
        if kind > 0:
            kept.append((span, kind, float(chances[kind - 1])))
    return kept


# %% none loses a draw
# loses: filtering-seven
# says: Which of the two numbers is smaller?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        row = np.asarray(row) - np.max(row)
        chances = np.exp(row) / np.exp(row).sum()
        kind = 1 + int(row[1:].argmax())
        if row[kind] >= row[0]:
            kept.append((span, kind, float(chances[kind])))
    return kept


# %% overlapping spans are dropped
# loses: filtering-seven filtering-hidden-overlap filtering-hidden-small
# says: May entities lie within one another?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        row = np.asarray(row) - np.max(row)
        chances = np.exp(row) / np.exp(row).sum()
        kind = int(row.argmax())
        free = all(span[1] <= a or b <= span[0] for (a, b), _, _ in kept)
        if kind > 0 and free:
            kept.append((span, kind, float(chances[kind])))
    return kept


# %% large logits overflow
# loses: filtering-large
# says: What can you subtract from a whole row?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        chances = np.exp(row) / np.exp(row).sum()
        kind = int(np.argmax(chances))
        if kind > 0:
            kept.append((span, kind, float(chances[kind])))
    return kept


# %% the logit is taken for the probability
# loses: filtering-seven filtering-large filtering-hidden-overlap filtering-hidden-small
# says: Where is the softmax?
def kept_spans(spans, logits):
    kept = []
    for span, row in zip(spans, logits, strict=True):
        kind = int(np.argmax(row))
        if kind > 0:
            kept.append((span, kind, float(row[kind])))
    return kept
