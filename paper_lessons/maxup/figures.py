"""Tables and figures of the experiments, and of one sample with its copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from paper_lessons import plotting

Result = Mapping[str, Any]


def arm_rows(result: Result, shown: str) -> list[list[str]]:
    """A heading, and a row for each way: what was measured, and how MaxUp compares.

    Parameters
    ----------
    result : mapping
        Of an experiment.
    shown : str
        The measure to compare by.

    Returns
    -------
    list of list of str
    """
    measures = list(next(iter(result["arms"].values()))["mean"])
    pairs = result["against"].get(shown, {})
    rows = [["", *measures, f"maxup against it, {shown}"]]
    for name, found in result["arms"].items():
        numbers = [spread(found, key) for key in measures]
        rows.append([name, *numbers, told(pairs[name]) if name in pairs else ""])
    return rows


def spread(found: Mapping[str, Any], measure: str, digits: int = 3) -> str:
    """Mean and standard deviation over seeds."""
    return f"{found['mean'][measure]:.{digits}f} ± {found['std'][measure]:.{digits}f}"


def told(pair: Mapping[str, Any], digits: int = 3) -> str:
    """A comparison in a line."""
    return f"{pair['difference']:+.{digits}f} (p = {pair['p']:.1g}, more in {pair['wins']} of {pair['seeds']})"


def draw_arms(result: Result, shown: str, axes: Axes, names: Sequence[str] = ()) -> None:
    """A row for each way: a dot for each seed, and a line at the mean.

    Parameters
    ----------
    result : mapping
        Of an experiment.
    shown : str
        A measure.
    axes : Axes
    names : sequence of str
        Which ways; all without it.
    """
    rows = list(names) or list(result["arms"])
    for place, name in enumerate(rows):
        color = plotting.COLORS["orange" if name.startswith("maxup") else "blue"]
        found = result["arms"][name]
        values = [one[shown] for one in found["runs"]]
        axes.plot(values, [place] * len(values), "o", color=color, alpha=0.6, markersize=4)
        axes.plot(
            [found["mean"][shown]], [place], "|", color=color, markersize=20, markeredgewidth=2
        )
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(LABELS.get(shown, shown))


LABELS = {
    "nll": "test loss (nats)",
    "radius": "average certified radius (grey levels of 0 to 1)",
    "gradient": "length of the loss's gradient",
    "accuracy": "test accuracy",
}


def theorem_rows(result: Result) -> list[list[str]]:
    """A heading, and a row for each kind of loss and number of copies.

    Parameters
    ----------
    result : mapping
        Of the experiment "theorem".

    Returns
    -------
    list of list of str
    """
    sigmas = list(dict.fromkeys(one["sigma"] for one in result["rows"]))
    rows = [["loss", "m", *(f"sigma = {one}" for one in sigmas)]]
    found = {(one["kind"], one["m"], one["sigma"]): one["ratio"] for one in result["rows"]}
    for kind, m in dict.fromkeys((one["kind"], one["m"]) for one in result["rows"]):
        cells = [found[kind, m, sigma] for sigma in sigmas]
        rows.append(
            [kind, str(m), *(f"{np.mean(one):.3f} ± {np.std(one, ddof=1):.3f}" for one in cells)]
        )
    return rows


def draw_theorem(result: Result, axes: Axes) -> None:
    """The ratio over the noise: a line for each number of copies, a dot for each seed.

    Parameters
    ----------
    result : mapping
        Of the experiment "theorem".
    axes : Axes
    """
    axes.axhline(1, color=plotting.COLORS["ink"], linewidth=1)
    rows = [one for one in result["rows"] if one["kind"] == "network"]
    numbers = list(dict.fromkeys(one["m"] for one in rows))
    for m, color in zip(numbers, plotting.ramp(len(numbers)), strict=True):
        own = [one for one in rows if one["m"] == m]
        sigmas = [one["sigma"] for one in own]
        axes.plot(sigmas, [np.mean(one["ratio"]) for one in own], color=color, label=f"m = {m}")
        for one in own:
            dots = one["ratio"]
            axes.plot([one["sigma"]] * len(dots), dots, "o", color=color, markersize=3, alpha=0.6)
    axes.set_xscale("log")
    ticks = list(dict.fromkeys(one["sigma"] for one in rows))
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    axes.set_xlabel("noise σ")
    axes.set_ylabel("simulated / first order")
    axes.legend()


def draw_copies(
    axes: Sequence[Axes],
    pictures: Float[Tensor, "n height width"],
    titles: Sequence[str],
    chosen: int | None = None,
) -> None:
    """Pictures in grey with a line below each; one of them framed.

    Parameters
    ----------
    axes : sequence of Axes
        One for each picture.
    pictures : Float[Tensor, "n height width"]
    titles : sequence of str
    chosen : int, optional
        Which one is framed.
    """
    for place, (axis, picture, title) in enumerate(zip(axes, pictures, titles, strict=True)):
        axis.imshow(picture, cmap="gray_r", vmin=-0.3, vmax=1.3)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(title, fontsize="medium")
        own = place == chosen
        for spine in axis.spines.values():
            spine.set_visible(own)
            spine.set_color(plotting.COLORS["orange"])
            spine.set_linewidth(4)
