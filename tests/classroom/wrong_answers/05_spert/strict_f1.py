"""Wrong answers to exercise 6."""
# ruff: noqa: F811


# %% places are compared, not spans
# loses: strict-f1-chapter strict-f1-hidden-random
# says: What do head and tail point to?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = set()
        for number, one in enumerate(sentences):
            for head, tail, kind in one["relations"]:
                types = [one["entities"][i][2] for i in (head, tail)] if strict else []
                kept.add((number, head, tail, *types, kind))
        return kept

    def f1(wanted, given):
        right = len(wanted & given)
        if not right:
            return 0.0
        precision, recall = right / len(given), right / len(wanted)
        return 100 * 2 * precision * recall / (precision + recall)

    relaxed = f1(facts(gold, False), facts(found, False))
    wanted, given = facts(gold, True), facts(found, True)
    kinds = {fact[-1] for fact in wanted | given}
    each = [
        f1({f for f in wanted if f[-1] == k}, {f for f in given if f[-1] == k})
        for k in sorted(kinds)
    ]
    return relaxed, f1(wanted, given), sum(each) / len(each) if each else 0.0


# %% strict looks at the head's type alone
# loses: strict-f1-chapter strict-f1-hidden-random
# says: Whose types have to agree?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = set()
        for number, one in enumerate(sentences):
            for head, tail, kind in one["relations"]:
                a, b = one["entities"][head], one["entities"][tail]
                kept.add((number, tuple(a) if strict else tuple(a[:2]), tuple(b[:2]), kind))
        return kept

    def f1(wanted, given):
        right = len(wanted & given)
        if not right:
            return 0.0
        precision, recall = right / len(given), right / len(wanted)
        return 100 * 2 * precision * recall / (precision + recall)

    relaxed = f1(facts(gold, False), facts(found, False))
    wanted, given = facts(gold, True), facts(found, True)
    kinds = {fact[-1] for fact in wanted | given}
    each = [
        f1({f for f in wanted if f[-1] == k}, {f for f in given if f[-1] == k})
        for k in sorted(kinds)
    ]
    return relaxed, f1(wanted, given), sum(each) / len(each) if each else 0.0


# %% the macro score is the micro score
# loses: strict-f1-chapter strict-f1-hidden-random
# says: What do you take the mean of?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = set()
        for number, one in enumerate(sentences):
            for head, tail, kind in one["relations"]:
                ends = [tuple(one["entities"][i][: 3 if strict else 2]) for i in (head, tail)]
                kept.add((number, *ends, kind))
        return kept

    def f1(wanted, given):
        right = len(wanted & given)
        if not right:
            return 0.0
        precision, recall = right / len(given), right / len(wanted)
        return 100 * 2 * precision * recall / (precision + recall)

    strict = f1(facts(gold, True), facts(found, True))
    return f1(facts(gold, False), facts(found, False)), strict, strict


# %% sentences are thrown together
# loses: strict-f1-edges strict-f1-hidden-random
# says: What belongs to a fact?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = set()
        for one in sentences:
            for head, tail, kind in one["relations"]:
                ends = [tuple(one["entities"][i][: 3 if strict else 2]) for i in (head, tail)]
                kept.add((*ends, kind))
        return kept

    def f1(wanted, given):
        right = len(wanted & given)
        if not right:
            return 0.0
        precision, recall = right / len(given), right / len(wanted)
        return 100 * 2 * precision * recall / (precision + recall)

    relaxed = f1(facts(gold, False), facts(found, False))
    wanted, given = facts(gold, True), facts(found, True)
    kinds = {fact[-1] for fact in wanted | given}
    each = [
        f1({f for f in wanted if f[-1] == k}, {f for f in given if f[-1] == k})
        for k in sorted(kinds)
    ]
    return relaxed, f1(wanted, given), sum(each) / len(each) if each else 0.0


# %% what is found twice counts twice
# loses: strict-f1-edges
# says: How often does it count?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = []
        for number, one in enumerate(sentences):
            for head, tail, kind in one["relations"]:
                ends = [tuple(one["entities"][i][: 3 if strict else 2]) for i in (head, tail)]
                kept.append((number, *ends, kind))
        return kept

    def f1(wanted, given):
        right = sum(one in wanted for one in given)
        if not right:
            return 0.0
        precision, recall = right / len(given), right / len(wanted)
        return 100 * 2 * precision * recall / (precision + recall)

    relaxed = f1(facts(gold, False), facts(found, False))
    wanted, given = facts(gold, True), facts(found, True)
    kinds = {fact[-1] for fact in [*wanted, *given]}
    each = [
        f1([f for f in wanted if f[-1] == k], [f for f in given if f[-1] == k])
        for k in sorted(kinds)
    ]
    return relaxed, f1(wanted, given), sum(each) / len(each) if each else 0.0


# %% nothing is divided by nothing
# loses: strict-f1-edges
# says: What is the score of nothing?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = set()
        for number, one in enumerate(sentences):
            for head, tail, kind in one["relations"]:
                ends = [tuple(one["entities"][i][: 3 if strict else 2]) for i in (head, tail)]
                kept.add((number, *ends, kind))
        return kept

    def f1(wanted, given):
        return 100 * 2 * len(wanted & given) / (len(wanted) + len(given))

    relaxed = f1(facts(gold, False), facts(found, False))
    wanted, given = facts(gold, True), facts(found, True)
    kinds = {fact[-1] for fact in wanted | given}
    each = [
        f1({f for f in wanted if f[-1] == k}, {f for f in given if f[-1] == k})
        for k in sorted(kinds)
    ]
    return relaxed, f1(wanted, given), sum(each) / len(each)


# %% head and tail may be exchanged
# loses: strict-f1-edges strict-f1-hidden-random
# says: Does the order of head and tail count?
def relation_scores(gold, found):
    def facts(sentences, strict):
        kept = set()
        for number, one in enumerate(sentences):
            for head, tail, kind in one["relations"]:
                ends = sorted(tuple(one["entities"][i][: 3 if strict else 2]) for i in (head, tail))
                kept.add((number, *ends, kind))
        return kept

    def f1(wanted, given):
        right = len(wanted & given)
        if not right:
            return 0.0
        precision, recall = right / len(given), right / len(wanted)
        return 100 * 2 * precision * recall / (precision + recall)

    relaxed = f1(facts(gold, False), facts(found, False))
    wanted, given = facts(gold, True), facts(found, True)
    kinds = {fact[-1] for fact in wanted | given}
    each = [
        f1({f for f in wanted if f[-1] == k}, {f for f in given if f[-1] == k})
        for k in sorted(kinds)
    ]
    return relaxed, f1(wanted, given), sum(each) / len(each) if each else 0.0
