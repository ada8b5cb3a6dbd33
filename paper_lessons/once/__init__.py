"""ONCE: a detector of objects as peaks, to which a class is added by one forward pass of a few pictures.

Perez-Rua, Zhu, Hospedales, Xiang 2020, Incremental Few-Shot Object Detection (arXiv 2003.04668).
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # the hub's library draws its bars with widgets; a notebook that has none is no reason to warn
    warnings.filterwarnings("ignore", "IProgress not found")
    import tqdm.auto  # noqa: F401

from paper_lessons.once.boxes import check_boxes, clip_boxes
from paper_lessons.once.codes import ClassCode, CodeBank, draw_codes
from paper_lessons.once.data.glyphs import glyph_scenes, glyph_split
from paper_lessons.once.data.pictures import Pictures, Resized, Scenes
from paper_lessons.once.data.readers import (
    Detections,
    base_novel_split,
    read_coco,
    read_voc,
)
from paper_lessons.once.data.shipped import glyph_detector
from paper_lessons.once.decoding import Peaks, decode, find_peaks
from paper_lessons.once.detector import OnceDetector
from paper_lessons.once.evaluation import Evaluation, Scores, evaluate
from paper_lessons.once.export import export_onnx, export_program
from paper_lessons.once.generator import centre_features, support_crops
from paper_lessons.once.losses import box_loss, focal_loss, heat_l1_loss
from paper_lessons.once.overlaps import without_overlaps
from paper_lessons.once.targets import Targets, gaussian_radius, splat_targets
from paper_lessons.once.training.augmenting import Augmenting, augmented
from paper_lessons.once.training.settings import BaseTraining, EpisodeTraining
from paper_lessons.once.training.stages import fit_base, fit_generator

__all__ = [
    "check_boxes",
    "clip_boxes",
    "gaussian_radius",
    "Targets",
    "splat_targets",
    "focal_loss",
    "heat_l1_loss",
    "box_loss",
    "Peaks",
    "find_peaks",
    "decode",
    "ClassCode",
    "CodeBank",
    "draw_codes",
    "support_crops",
    "centre_features",
    "OnceDetector",
    "without_overlaps",
    "BaseTraining",
    "EpisodeTraining",
    "Augmenting",
    "augmented",
    "fit_base",
    "fit_generator",
    "Scores",
    "Evaluation",
    "evaluate",
    "export_program",
    "export_onnx",
    "Detections",
    "read_coco",
    "read_voc",
    "base_novel_split",
    "Pictures",
    "Scenes",
    "Resized",
    "glyph_split",
    "glyph_scenes",
    "glyph_detector",
]
