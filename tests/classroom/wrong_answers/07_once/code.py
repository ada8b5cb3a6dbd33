"""Wrong answers to exercise 4."""
# ruff: noqa: F811, F821


# %% the bias is forgotten
# loses: code-hand code-maps code-hidden-unit code-hidden-many
# says: Where does it stand?
def heat_maps(features, codes, unit=False):
    if unit:
        lengths = np.sqrt((features**2).sum(axis=0))
        features = features / np.where(lengths > 0, lengths, 1)
    return 1 / (1 + np.exp(-np.einsum("kc,cij->kij", codes[:, :-1], features)))


# %% the code is divided by its length
# loses: code-hand code-maps code-hidden-unit
# says: Whose length was asked for?
def heat_maps(features, codes, unit=False):
    weights = codes[:, :-1]
    if unit:
        lengths = np.sqrt((weights**2).sum(axis=1, keepdims=True))
        weights = weights / np.where(lengths > 0, lengths, 1)
    logits = np.einsum("kc,cij->kij", weights, features) + codes[:, -1][:, None, None]
    return 1 / (1 + np.exp(-logits))


# %% cells without features become no numbers
# loses: code-hidden-unit
# says: What is 0 divided by 0?
def heat_maps(features, codes, unit=False):
    if unit:
        with np.errstate(all="ignore"):
            features = features / np.sqrt((features**2).sum(axis=0))
    logits = np.einsum("kc,cij->kij", codes[:, :-1], features) + codes[:, -1][:, None, None]
    return 1 / (1 + np.exp(-logits))


# %% one length for the whole map
# loses: code-maps code-hidden-unit
# says: Has every cell a length of its own, or the whole map one?
def heat_maps(features, codes, unit=False):
    if unit:
        features = features / np.sqrt((features**2).sum())
    logits = np.einsum("kc,cij->kij", codes[:, :-1], features) + codes[:, -1][:, None, None]
    return 1 / (1 + np.exp(-logits))


# %% no sigmoid
# loses: code-hand code-maps code-hidden-unit code-hidden-many
# says: What makes a probability of it?
def heat_maps(features, codes, unit=False):
    if unit:
        lengths = np.sqrt((features**2).sum(axis=0))
        features = features / np.where(lengths > 0, lengths, 1)
    return np.einsum("kc,cij->kij", codes[:, :-1], features) + codes[:, -1][:, None, None]


# %% rows and columns are exchanged
# loses: code-maps code-hidden-unit code-hidden-many
# says: Which axis of the features belongs to the weights?
def heat_maps(features, codes, unit=False):
    if unit:
        lengths = np.sqrt((features**2).sum(axis=0))
        features = features / np.where(lengths > 0, lengths, 1)
    logits = np.einsum("kc,cij->kji", codes[:, :-1], features) + codes[:, -1][:, None, None]
    return 1 / (1 + np.exp(-logits))
