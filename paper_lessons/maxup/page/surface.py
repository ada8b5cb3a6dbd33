"""One sample in the plane with its noisy copies: how many there are and how far they spread can be moved."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from paper_lessons.maxup.theory import expected_max_of_normals, gradient_penalty_estimate
from paper_lessons.plotting import COLORS

MOST = 10
STEPS = 12
FIRST_COPIES, FIRST_STEP = 4, 6  # where the sliders stand at first
PIXELS = 96

Losses = Callable[[Any], Float[Tensor, " batch"]]


def surface_html(
    losses: Losses,
    sample: Float[Tensor, " 2"],
    caption: str,
    *,
    half: float = 1.5,
    largest: float = 0.6,
    seed: int = 0,
) -> str:
    """A loss surface with a slider for the number of copies and one for the noise.

    Parameters
    ----------
    losses : callable
        From points ``(n, 2)`` to losses ``(n,)``, in nats.
    sample : Float[Tensor, "2"]
        The point in the middle.
    caption : str
        What to see in it.
    half : float
        Half of the side of what is shown.
    largest : float
        Noise at the right end of its slider.
    seed : int
        Of the copies.

    Returns
    -------
    str
        HTML with its own style and script, which loads nothing. Without scripts it shows four copies, and a table of all.
    """
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(MOST, 2, generator=draw, dtype=sample.dtype)
    sizes = [largest * step / STEPS for step in range(STEPS + 1)]
    with torch.no_grad():
        found = [losses(sample + size * noise).tolist() for size in sizes]
        own = float(losses(sample[None]))
    slope = float(gradient_penalty_estimate(losses, sample[None], sigma=1.0, m=2))
    data = {
        "sizes": sizes,
        "noise": noise.tolist(),
        "losses": [[round(one, 4) for one in row] for row in found],
        "own": round(own, 4),
        "slope": slope / expected_max_of_normals(2),
        "kappa": [expected_max_of_normals(m) for m in range(1, MOST + 1)],
        "scale": 50 / half,
    }
    text = json.dumps(data)
    key = "surface-" + hashlib.sha256((text + caption).encode()).hexdigest()[:8]
    style = _STYLE.replace("@key", f"#{key}")
    for name in ("blue", "orange"):
        style = style.replace(f"@{name}", COLORS[name])
    script = _SCRIPT.replace("@key", key).replace("@data", text)
    told = _summary(data, FIRST_COPIES, FIRST_STEP)
    return (
        f'<div class="surface" id="{key}"><style>{style}</style>'
        f'<svg viewBox="0 0 100 100" role="img" aria-label="A loss surface, dark where the loss is large, with a cross for the '
        f'sample and a dot for each copy; the sentence below tells what they cost.">'
        f'<image href="{_picture(losses, sample, half)}" width="100" height="100" preserveAspectRatio="none"/>'
        f"<g>{_dots(data, FIRST_COPIES, FIRST_STEP)}</g>"
        f'<path d="M47 50H53M50 47V53"/></svg>'
        f'<div class="live" hidden><label>Copies, m: <span class="value">{FIRST_COPIES}</span> '
        f'<input type="range" data-of="m" min="1" max="{MOST}" step="1" value="{FIRST_COPIES}"></label>'
        f'<label>Noise, σ: <span class="value">{sizes[FIRST_STEP]:.2f}</span> '
        f'<input type="range" data-of="sigma" min="0" max="{STEPS}" step="1" value="{FIRST_STEP}" '
        f'aria-valuetext="{sizes[FIRST_STEP]:.2f}"></label></div>'
        f'<p role="status">{escape(told)}</p>'
        f"<details><summary>All copies as a table</summary>{_table(data)}</details>"
        f'<p class="caption">{escape(caption)}</p><script>{script}</script></div>'
    )


def _picture(losses: Losses, sample: Tensor, half: float) -> str:
    """The surface as a small picture inside the page: white where the loss is 0, dark where it is large."""
    line = (torch.arange(PIXELS, dtype=sample.dtype) + 0.5) / PIXELS * 2 * half - half
    down, right = torch.meshgrid(-line, line, indexing="ij")
    with torch.no_grad():
        values = losses(sample + torch.stack([right.flatten(), down.flatten()], 1))
    share = (values / values.quantile(0.98).clamp(min=1e-9)).clamp(0, 1)[:, None].numpy()
    pixels = (255 * (1 - share) + np.array(_rgb(COLORS["blue"])) * share).round().astype(np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels.reshape(PIXELS, PIXELS, 3)).save(stored, "PNG")
    return "data:image/png;base64," + base64.b64encode(stored.getvalue()).decode()


def _rgb(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def _worst(data: dict[str, Any], m: int, step: int) -> int:
    return int(np.argmax(data["losses"][step][:m]))


def _dots(data: dict[str, Any], m: int, step: int) -> str:
    """What the script draws, too."""
    worst = _worst(data, m, step)
    marks = []
    for place, (right, up) in enumerate(data["noise"][:m]):
        x = 50 + data["scale"] * data["sizes"][step] * right
        y = 50 - data["scale"] * data["sizes"][step] * up
        kind = ' class="worst"' if place == worst else ""
        marks.append(f'<circle{kind} cx="{x:.2f}" cy="{y:.2f}" r="{2.6 if kind else 1.8}"/>')
    return "".join(marks)


def _summary(data: dict[str, Any], m: int, step: int) -> str:
    """What the script says, too."""
    some, sigma = data["losses"][step][:m], data["sizes"][step]
    first = data["own"] + sigma * data["kappa"][m - 1] * data["slope"]
    return (
        f"The sample's own loss is {data['own']:.3f}. Its {m} {'copy' if m == 1 else 'copies'}: {sum(some) / m:.3f} on average, "
        f"{max(some):.3f} the worst. By the theorem the worst of {m} costs {first:.3f}, on average over draws."
    )


def _table(data: dict[str, Any]) -> str:
    steps: Sequence[int] = range(0, STEPS + 1, 2)
    head = "".join(f'<th scope="col">σ = {data["sizes"][one]:.2f}</th>' for one in steps)
    rows = "".join(
        f'<tr><th scope="row">copy {place + 1}</th>'
        + "".join(f"<td>{data['losses'][one][place]:.3f}</td>" for one in steps)
        + "</tr>"
        for place in range(MOST)
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Losses of all copies">'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


# the picture is as bright on a dark page as on a light one, so its marks have edges of their own
_STYLE = """
@key svg{width:100%;max-width:24rem;display:block;outline:1px solid #888}
@key image{image-rendering:auto}
@key circle{fill:#fff;stroke:#000;stroke-width:.5}
@key circle.worst{fill:@orange;stroke-width:.9}
@key path{stroke:#000;stroke-width:1.2}
@key label{display:block;margin:.3rem 0}
@key input{width:60%;vertical-align:middle;accent-color:@blue}
@key input:focus-visible{outline:3px solid @blue}
@key .value{display:inline-block;width:2.5em;font-family:monospace}
@key [hidden]{display:none}
@key [role=status]{min-height:4.5em}
@key .wide{overflow-x:auto;max-height:20rem}
@key table{font-size:.8em;border-collapse:collapse}
@key td,@key th{padding:.1rem .6rem;text-align:left;white-space:nowrap}
"""

_SCRIPT = """(function(){
const box=document.getElementById("@key"),data=@data,group=box.querySelector("svg g");
const [many,size]=box.querySelectorAll("input");
function show(){
 const m=+many.value,step=+size.value,sigma=data.sizes[step],some=data.losses[step].slice(0,m);
 const top=Math.max(...some),worst=some.indexOf(top);
 many.parentElement.querySelector(".value").textContent=m;
 size.parentElement.querySelector(".value").textContent=sigma.toFixed(2);
 size.setAttribute("aria-valuetext",sigma.toFixed(2));
 group.replaceChildren();
 some.forEach((loss,place)=>{
  const one=document.createElementNS("http://www.w3.org/2000/svg","circle");
  one.setAttribute("cx",50+data.scale*sigma*data.noise[place][0]);
  one.setAttribute("cy",50-data.scale*sigma*data.noise[place][1]);
  one.setAttribute("r",place===worst?2.6:1.8);
  if(place===worst)one.setAttribute("class","worst");
  group.append(one);});
 const mean=some.reduce((a,b)=>a+b,0)/m,first=data.own+sigma*data.kappa[m-1]*data.slope;
 box.querySelector("[role=status]").textContent="The sample's own loss is "+data.own.toFixed(3)+
  ". Its "+m+(m===1?" copy: ":" copies: ")+mean.toFixed(3)+" on average, "+top.toFixed(3)+
  " the worst. By the theorem the worst of "+m+" costs "+first.toFixed(3)+", on average over draws.";}
[many,size].forEach(one=>one.addEventListener("input",show));
box.querySelector(".live").hidden=false;show();
})();"""
