"""Options that the lesson's commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataName = Annotated[
    str, typer.Option("--data", help="digits, mnist5000, cifar10, cifar100 or fashion_mnist.")
]
Npz = Annotated[
    Path | None,
    typer.Option("--npz", metavar="FILE", help="Your own: x_train, y_train, x_test, y_test."),
]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Folder of the CIFAR or Fashion-MNIST files."),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch files of those sets that are missing.")
]
TrainPerClass = Annotated[
    int | None, typer.Option("--train-per-class", min=2, help="Training pictures of each class.")
]
TestPerClass = Annotated[
    int | None, typer.Option("--test-per-class", min=1, help="Test pictures of each class.")
]
Size = Annotated[
    int | None, typer.Option("--size", min=1, help="Side of the resized pictures, in pixels.")
]
Neighbors = Annotated[int, typer.Option("--k", min=1, help="Neighbours that score.")]
Cache = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Keep features of pictures there.")
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", help="pool, stage, stage6 ...; repeated, layers are joined."),
]
