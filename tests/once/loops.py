"""The pieces of the detector as loops over objects, classes and cells: oracles of the tests, rivals of the benchmark."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F


def splat(boxes, labels, classes, height, width, stride=4, radius=None):
    """Object by object, as CenterNet's loader does, but for the border: boxes are cut at the map's edge, not a cell before."""
    heat = np.zeros((len(boxes), classes, height, width))
    objects = []
    for picture, (some, kinds) in enumerate(zip(boxes, labels, strict=True)):
        for box, kind in zip(some.tolist(), kinds.tolist(), strict=True):
            left, right = (min(max(box[i] / stride, 0), width) for i in (0, 2))
            top, bottom = (min(max(box[i] / stride, 0), height) for i in (1, 3))
            w, h = right - left, bottom - top
            if w <= 0 or h <= 0:
                continue
            x, y = (left + right) / 2, (top + bottom) / 2
            column, row = min(int(x), width - 1), min(int(y), height - 1)
            far = max(0, int((radius or centernet_radius)(math.ceil(h), math.ceil(w))))
            sigma = (2 * far + 1) / 6
            for i in range(max(0, row - far), min(height, row + far + 1)):
                for j in range(max(0, column - far), min(width, column + far + 1)):
                    value = math.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * sigma**2))
                    heat[picture, kind, i, j] = max(heat[picture, kind, i, j], value)
            objects.append((picture, kind, row, column, w, h, x - column, y - row))
    return torch.from_numpy(heat).float(), objects


def splat_windows(boxes, labels, classes, height, width, stride=4):
    """The same with a window of numbers for each object, a map for each picture and a batch of maps, as loaders do: timed as a rival."""
    maps, sizes, offsets, at = [], [], [], []
    for picture, (some, kinds) in enumerate(zip(boxes, labels, strict=True)):
        heat = np.zeros((classes, height, width), np.float32)
        maps.append(torch.from_numpy(heat))
        for box, kind in zip(some.numpy() / stride, kinds.tolist(), strict=True):
            left, right = np.clip(box[[0, 2]], 0, width)
            top, bottom = np.clip(box[[1, 3]], 0, height)
            w, h = right - left, bottom - top
            if w <= 0 or h <= 0:
                continue
            x, y = (left + right) / 2, (top + bottom) / 2
            column, row = min(int(x), width - 1), min(int(y), height - 1)
            far = max(0, int(centernet_radius(math.ceil(h), math.ceil(w))))
            step = np.arange(-far, far + 1)
            bump = np.exp(-(step[:, None] ** 2 + step[None] ** 2) / (2 * ((2 * far + 1) / 6) ** 2))
            up, down = min(row, far), min(height - row, far + 1)
            before, after = min(column, far), min(width - column, far + 1)
            part = heat[kind, row - up : row + down, column - before : column + after]
            np.maximum(part, bump[far - up : far + down, far - before : far + after], out=part)
            sizes.append((w, h))
            offsets.append((x - column, y - row))
            at.append((picture, kind, row, column))
    return torch.stack(maps), torch.tensor(at), torch.tensor(sizes), torch.tensor(offsets)


def centernet_radius(height, width, overlap=0.7):
    """As the public code computes it."""
    b1, c1 = height + width, width * height * (1 - overlap) / (1 + overlap)
    b2, c2 = 2 * (height + width), (1 - overlap) * width * height
    a3, b3, c3 = 4 * overlap, -2 * overlap * (height + width), (overlap - 1) * width * height
    return min(
        (b1 + math.sqrt(b1**2 - 4 * c1)) / 2,
        (b2 + math.sqrt(b2**2 - 16 * c2)) / 2,
        (b3 + math.sqrt(b3**2 - 4 * a3 * c3)) / 2,
    )


def focal(logits, target, positive=None, ignored=None):
    """The formula on dense maps."""
    p = torch.sigmoid(logits)
    positive = target == 1 if positive is None else positive
    weight = (1 - target) ** 4
    full = F.softplus(-logits) * (1 - p) ** 2
    empty = F.softplus(logits) * p**2 * weight
    if ignored is not None:
        empty = empty * ~ignored
    total = full[positive].sum() + empty[~positive].sum()
    return total / max(1, int(positive.sum()))


def decode(logits, sizes, offsets, threshold=0.3, stride=4, k=100):
    """Sigmoid, a maximum over neighbours, the best k of every picture: no cell is a peak twice unless neighbours are equal."""
    heat = torch.sigmoid(logits)
    heat = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
    batch, _, height, width = heat.shape
    results = []
    for picture in range(batch):
        scores, places = heat[picture].flatten().topk(min(k, heat[picture].numel()))
        boxes, kept, labels = [], [], []
        for score, place in zip(scores.tolist(), places.tolist(), strict=True):
            if score < threshold:
                continue
            kind, cell = divmod(place, height * width)
            row, column = divmod(cell, width)
            w, h = sizes[picture, :, row, column].tolist()
            dx, dy = offsets[picture, :, row, column].tolist()
            x, y = column + dx, row + dy
            boxes.append([(x - w / 2) * stride, (y - h / 2) * stride, (x + w / 2) * stride, (y + h / 2) * stride])  # fmt: skip
            kept.append(score)
            labels.append(kind)
        results.append((boxes, kept, labels))
    return results
