"""Wrong answers to exercise 4."""
# ruff: noqa: F811, F821


# %% no words have no maximum
# loses: context-seven context-nested context-hidden-negative context-hidden-random
# says: What is the maximum of no words at all?
def contexts(vectors, spans):
    found = np.zeros((len(spans), len(spans), vectors.shape[1]))
    for i, one in enumerate(spans):
        for j, two in enumerate(spans):
            start, end = min(one[1], two[1]), max(one[0], two[0])
            found[i, j] = vectors[start:end].max(axis=0)
    return found


# %% the spans are counted with what lies between
# loses: context-seven context-nested context-hidden-negative context-hidden-random
# says: Where does the first one end?
def contexts(vectors, spans):
    found = np.zeros((len(spans), len(spans), vectors.shape[1]))
    for i, one in enumerate(spans):
        for j, two in enumerate(spans):
            if i != j:
                start, end = min(one[0], two[0]), max(one[1], two[1])
                found[i, j] = vectors[start:end].max(axis=0)
    return found


# %% the head is taken to stand first
# loses: context-seven context-nested context-hidden-negative context-hidden-random
# says: Which span stands first in the text?
def contexts(vectors, spans):
    found = np.zeros((len(spans), len(spans), vectors.shape[1]))
    for i, one in enumerate(spans):
        for j, two in enumerate(spans):
            if one[1] < two[0]:
                found[i, j] = vectors[one[1] : two[0]].max(axis=0)
    return found


# %% maxima begin with zero
# loses: context-hidden-negative context-hidden-random
# says: What did it begin with?
def contexts(vectors, spans):
    found = np.zeros((len(spans), len(spans), vectors.shape[1]))
    for i, one in enumerate(spans):
        for j, two in enumerate(spans):
            start, end = min(one[1], two[1]), max(one[0], two[0])
            for word in vectors[start : max(start, end)]:
                found[i, j] = np.maximum(found[i, j], word)
    return found


# %% a span within another has words around it
# loses: context-nested context-hidden-random
# says: What do your start and end become?
def contexts(vectors, spans):
    found = np.zeros((len(spans), len(spans), vectors.shape[1]))
    for i, one in enumerate(spans):
        for j, two in enumerate(spans):
            start, end = sorted([min(one[1], two[1]), max(one[0], two[0])])
            if i != j and start < end:
                found[i, j] = vectors[start:end].max(axis=0)
    return found


# %% minus infinity is left where there are no words
# loses: context-seven context-nested context-hidden-negative context-hidden-random
# says: What should stand there?
def contexts(vectors, spans):
    found = np.full((len(spans), len(spans), vectors.shape[1]), -np.inf)
    for i, one in enumerate(spans):
        for j, two in enumerate(spans):
            start, end = min(one[1], two[1]), max(one[0], two[0])
            if start < end:
                found[i, j] = vectors[start:end].max(axis=0)
    return found
