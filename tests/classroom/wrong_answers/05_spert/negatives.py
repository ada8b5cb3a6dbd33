"""Wrong answers to exercise 5."""
# ruff: noqa: F811, F821


# %% more is drawn than there is
# loses: negatives-seven negatives-hidden-none
# says: How many are there at most?
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        chosen = draw.choice(len(free), count, replace=False)
        return [free[i] for i in chosen]

    spans = some([one for one in all_spans(n, widest) if one not in gold])
    places = range(len(gold))
    pairs = some([(h, t) for h in places for t in places if h != t and (h, t) not in related])
    return spans, pairs


# %% entities are drawn as negatives
# loses: negatives-seven negatives-drawn negatives-hidden-none negatives-hidden-uniform
# says: three of them are entities
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        if not free:
            return []
        chosen = draw.choice(len(free), min(count, len(free)), replace=False)
        return [free[i] for i in chosen]

    spans = some(all_spans(n, widest))
    places = range(len(gold))
    pairs = some([(h, t) for h in places for t in places if h != t and (h, t) not in related])
    return spans, pairs


# %% an entity is paired with itself
# loses: negatives-seven negatives-drawn negatives-hidden-none negatives-hidden-uniform
# says: An entity is paired with itself.
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        if not free:
            return []
        chosen = draw.choice(len(free), min(count, len(free)), replace=False)
        return [free[i] for i in chosen]

    spans = some([one for one in all_spans(n, widest) if one not in gold])
    places = range(len(gold))
    pairs = some([(h, t) for h in places for t in places if (h, t) not in related])
    return spans, pairs


# %% the way back is left out
# loses: negatives-seven negatives-drawn negatives-hidden-uniform
# says: Does Acme work for Ann Lee?
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        if not free:
            return []
        chosen = draw.choice(len(free), min(count, len(free)), replace=False)
        return [free[i] for i in chosen]

    spans = some([one for one in all_spans(n, widest) if one not in gold])
    places = range(len(gold))
    taken = set(related) | {(t, h) for h, t in related}
    pairs = some([(h, t) for h in places for t in places if h != t and (h, t) not in taken])
    return spans, pairs


# %% weak negatives, of any spans
# loses: negatives-seven negatives-drawn negatives-hidden-none negatives-hidden-uniform
# says: Which spans does a strong negative have?
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        if not free:
            return []
        chosen = draw.choice(len(free), min(count, len(free)), replace=False)
        return [free[i] for i in chosen]

    spans = some([one for one in all_spans(n, widest) if one not in gold])
    places = range(len(gold) + len(spans))
    pairs = some([(h, t) for h in places for t in places if h != t and (h, t) not in related])
    return spans, pairs


# %% a span may be drawn twice
# loses: negatives-seven negatives-drawn negatives-hidden-uniform
# says: A span has been drawn twice.
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        if not free:
            return []
        chosen = draw.choice(len(free), min(count, len(free)))
        return [free[i] for i in chosen]

    spans = some([one for one in all_spans(n, widest) if one not in gold])
    places = range(len(gold))
    pairs = some([(h, t) for h in places for t in places if h != t and (h, t) not in related])
    return spans, pairs


# %% pairs are drawn first
# loses: negatives-drawn negatives-hidden-uniform
# says: Which of the two is drawn first?
def negatives(n, gold, related, count, widest, seed):
    draw = np.random.default_rng(seed)

    def some(free):
        if not free:
            return []
        chosen = draw.choice(len(free), min(count, len(free)), replace=False)
        return [free[i] for i in chosen]

    places = range(len(gold))
    pairs = some([(h, t) for h in places for t in places if h != t and (h, t) not in related])
    spans = some([one for one in all_spans(n, widest) if one not in gold])
    return spans, pairs
