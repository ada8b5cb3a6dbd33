"""From pictures to a verdict: features and detector in one, with what a report needs to show."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int
from torch import nn

from paper_lessons.dn2.backbones import BACKBONES, Backbone, wrap_module
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.features import ImageFeatures
from paper_lessons.dn2.pictures.reading import each_image, find_images, source_name
from paper_lessons.dn2.report.examination import Examination, Finding
from paper_lessons.dn2.report.thumbnails import Picture, thumbnail
from paper_lessons.dn2.search.saving import read_arrays, write_arrays
from paper_lessons.files import write_atomically


class AnomalyDetector:
    """Anomalous pictures among others, given some that are normal.

    Parameters
    ----------
    features : ImageFeatures, optional
        How pictures become features: EfficientNet-Lite0's at 224 pixels without it.
    detector : DeepNearestNeighbors, optional
        How features become scores.

    Attributes
    ----------
    pictures_ : list of Picture
        The normal pictures, as :meth:`fit` read them.
    skipped_ : list of (str, str)
        Those that it could not read, each with the reason.

    Notes
    -----
    Source: section 3 of the paper.

    Examples
    --------
    >>> normal = np.full((8, 32, 32, 3), 200, np.uint8) + np.arange(8, dtype=np.uint8)[:, None, None, None]
    >>> strange = np.indices((32, 32)).sum(0) % 2 * 1.0
    >>> detector = AnomalyDetector(ImageFeatures(size=32)).fit(normal)
    >>> detector.predict([normal[3], strange])
    array([ 1, -1])
    """

    def __init__(
        self,
        features: ImageFeatures | None = None,
        detector: DeepNearestNeighbors | None = None,
    ) -> None:
        self.features = ImageFeatures() if features is None else features
        self.detector = DeepNearestNeighbors() if detector is None else detector

    def fit(self, images: Any) -> Self:
        """Learn what normal pictures look like.

        Parameters
        ----------
        images : object
            What :meth:`ImageFeatures.transform` takes. Files that cannot be read are left out and
            listed in ``skipped_``.

        Returns
        -------
        AnomalyDetector

        Raises
        ------
        ValueError
            If too few pictures can be read, or a picture that is no file is not allowed.
        """
        rows, self.pictures_, self.skipped_ = self._read(images)
        if not rows:
            raise ValueError(f"images must hold pictures that can be read; {_first(self.skipped_)}")
        self.detector.fit(np.stack(rows))
        return self

    def score(self, images: Any) -> Float[np.ndarray, " n"]:
        """Mean distance to the nearest normal pictures; higher is more anomalous.

        Parameters
        ----------
        images : object
            What :meth:`ImageFeatures.transform` takes.

        Returns
        -------
        Float[np.ndarray, "n"]
            In the pictures' order; not-a-number, and a warning, for a file that cannot be read.
        """
        return self._for_all(images, self.detector.anomaly_score, np.nan)

    def predict(self, images: Any) -> Int[np.ndarray, " n"]:
        """1 for normal pictures, -1 for anomalous ones, 0 for files that cannot be read.

        Parameters
        ----------
        images : object
            What :meth:`ImageFeatures.transform` takes.

        Returns
        -------
        Int[np.ndarray, "n"]
        """
        return self._for_all(images, self.detector.predict, 0).astype(np.int64)

    def examine(self, images: Any) -> Examination:
        """All that is known about each picture: score, p-value, nearest normal pictures.

        Parameters
        ----------
        images : object
            What :meth:`ImageFeatures.transform` takes.

        Returns
        -------
        Examination
        """
        self._check_fitted()
        detector = self.detector
        rows, pictures, skipped = self._read(images)
        findings: list[Finding] = []
        if rows:
            features = np.stack(rows)
            distances, indices = detector.kneighbors(features)
            scores, p_values = detector.anomaly_score(features), detector.p_values(features)
            for place, picture in enumerate(pictures):
                near = zip(indices[place], distances[place], strict=True)
                findings.append(
                    Finding(
                        picture=picture,
                        score=float(scores[place]),
                        p_value=float(p_values[place]),
                        anomalous=bool(scores[place] > detector.threshold_),
                        neighbors=tuple((self._normal(i), float(d)) for i, d in near),
                    )
                )
        kept = set(detector.kept_.tolist())
        return Examination(
            findings=findings,
            skipped=skipped,
            normal_scores=np.asarray(detector.leave_one_out_scores_),
            threshold=float(detector.threshold_),
            false_positive_rate=float(detector.false_positive_rate),
            normal_skipped=list(self.skipped_),
            removed=[p for place, p in enumerate(self.pictures_) if place not in kept],
            about=self.features.configuration() | {"detector": detector.get_params()},
        )

    def report(
        self,
        images: Any,
        out: str | Path = "report.html",
        *,
        title: str | None = None,
        show: int = 50,
    ) -> Examination:
        """Write a page with the pictures ranked, each beside its nearest normal ones, and a table.

        Parameters
        ----------
        images : object
            What :meth:`ImageFeatures.transform` takes.
        out : str or Path
            The page, one file with all pictures inside. The table lies beside it and ends in .csv.
        title : str, optional
            The page's heading.
        show : int
            Pictures shown large, the most anomalous first. The others are in the tables.

        Returns
        -------
        Examination
            What the page shows.

        Raises
        ------
        ValueError
            If ``out`` does not end in .html, or ``show`` is below 1.
        """
        from paper_lessons.dn2.report.page import check_out, write_report

        check_out(out, show)
        examination = self.examine(images)
        write_report(examination, out, title=title, show=show)
        return examination

    def save(self, path: str | Path) -> Path:
        """Write the detector to one file: numbers and text, nothing that runs when it is read.

        The network is not in it, its name and fingerprint are. Normal pictures that are files stay
        where they are; of arrays it keeps small copies, for reports.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        pathlib.Path
        """
        self._check_fitted()
        backbone = self.features.resolved_backbone()
        thumbnails = [picture.thumbnail or b"" for picture in self.pictures_]
        about = {
            "features": self.features.configuration(),
            "own_size": backbone.size,
            "shelf": backbone.shelf,
            "pictures": [[p.name, None if p.path is None else str(p.path)] for p in self.pictures_],
            "skipped": self.skipped_,
            "thumbnail_bytes": [len(data) for data in thumbnails],
        }
        with tempfile.TemporaryDirectory() as folder:
            inner = Path(self.detector.save(Path(folder) / "detector.npz")).read_bytes()
        arrays = {
            "detector": np.frombuffer(inner, np.uint8),
            "thumbnails": np.frombuffer(b"".join(thumbnails), np.uint8),
        }
        return write_arrays(path, type(self).__name__, about, arrays)

    @classmethod
    def load(
        cls,
        path: str | Path,
        backbone: str | Backbone | nn.Module | None = None,
        **options: Any,
    ) -> Self:
        """A detector that was saved.

        Parameters
        ----------
        path : str or Path
            From :meth:`save`.
        backbone : str, Backbone or torch.nn.Module, optional
            The network of the features, if it was your own: it must have the parameters that it had.
        **options
            ``batch_size``, ``cache``, ``progress``, ``device``, ``n_jobs`` of :class:`ImageFeatures`.

        Returns
        -------
        AnomalyDetector

        Raises
        ------
        ValueError
            If the file is none of this kind, or the network is another one.
        """
        needed = ("detector", "thumbnails")
        about, arrays = read_arrays(path, cls.__name__, needed=needed)
        features = _features_as_saved(about, backbone, options)
        with tempfile.TemporaryDirectory() as folder:
            inner = write_atomically(Path(folder) / "detector.npz", arrays["detector"].tobytes())
            detector = cls(features, DeepNearestNeighbors.load(inner))
        thumbnails = arrays["thumbnails"].tobytes()
        ends = np.cumsum([0, *about["thumbnail_bytes"]])
        detector.pictures_ = [
            Picture(name, None if file is None else Path(file), thumbnails[a:b] or None)
            for (name, file), a, b in zip(about["pictures"], ends[:-1], ends[1:], strict=True)
        ]
        detector.skipped_ = [(name, reason) for name, reason in about["skipped"]]
        return detector

    def _read(
        self, images: Any
    ) -> tuple[list[Float[np.ndarray, " dimension"]], list[Picture], list[tuple[str, str]]]:
        """Features, pictures that can be shown, and names of those that could not be read."""
        source = _Tapped(images)
        rows, pictures, skipped = [], [], []
        for outcome in self.features.outcomes(source):
            small = source.thumbnails.pop(outcome.index, None)
            if outcome.features is None:
                skipped.append((outcome.name, outcome.reason))
            else:
                rows.append(outcome.features)
                pictures.append(Picture(outcome.name, outcome.path, small))
        return rows, pictures, skipped

    def _for_all(self, images: Any, function: Any, absent: float) -> np.ndarray:
        self._check_fitted()
        outcomes = list(self.features.outcomes(images))
        readable = [place for place, outcome in enumerate(outcomes) if outcome.features is not None]
        values = np.full(len(outcomes), absent, dtype=np.float64)
        if readable:
            rows: list[Any] = [outcomes[place].features for place in readable]
            values[readable] = function(np.stack(rows))
        skipped = [(o.name, o.reason) for o in outcomes if o.features is None]
        if skipped:
            warnings.warn(
                f"{len(skipped)} of {len(outcomes)} pictures could not be read; {_first(skipped)}",
                stacklevel=3,
            )
        return values

    def _normal(self, index: int) -> Picture:
        # Centroids of k-means are nobody's picture.
        if self.detector.base_indices_ is None:
            return Picture(f"centre {index} of the normal pictures", None, None)
        return self.pictures_[index]

    def _check_fitted(self) -> None:
        if not hasattr(self, "pictures_"):
            raise ValueError("the detector must be fitted first: fit(normal_images)")


class _Tapped:
    """Pictures on their way: small copies of those that are no files are kept for the report."""

    def __init__(self, images: Any) -> None:
        is_folder = isinstance(images, (str, Path)) and Path(images).is_dir()
        self.images = find_images(images) if is_folder else images
        self.thumbnails: dict[int, bytes] = {}

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Any]:
        for index, source in enumerate(each_image(self.images)):
            if not isinstance(source, Path):
                self.thumbnails[index] = thumbnail(source, name=source_name(source, index))
            yield source


def _features_as_saved(
    about: dict[str, Any], backbone: str | Backbone | nn.Module | None, options: dict[str, Any]
) -> ImageFeatures:
    saved = about["features"]
    if backbone is None:
        if not about["shelf"] or saved["backbone"] not in BACKBONES:
            raise ValueError(
                f"backbone must be given: the detector was fitted on features of your network "
                f"{saved['backbone']!r}, which is not in the file"
            )
        backbone = saved["backbone"]
    elif isinstance(backbone, nn.Module):
        backbone = wrap_module(
            backbone,
            name=saved["backbone"],
            mean=tuple(saved["mean"]),
            std=tuple(saved["std"]),
            size=about["own_size"],
        )
    features = ImageFeatures(
        backbone,
        size=saved["size"],
        layer=saved["layers"],
        framing=saved["framing"],
        **options,
    )
    # The fingerprint first: another network may not even have the layers.
    found = {"fingerprint": features.resolved_backbone().fingerprint}
    if found["fingerprint"] == saved["fingerprint"]:
        found = features.configuration()
    for key, value in found.items():
        if key != "backbone" and value != saved[key]:
            raise ValueError(
                f"backbone must be the network that the detector was fitted with: its {key} was "
                f"{saved[key]!r}, this one's is {value!r}"
            )
    return features


def _first(skipped: list[tuple[str, str]]) -> str:
    name, reason = skipped[0]
    return f"the first is {name!r}: {reason}"
