"""A program's training, instruction by instruction: as plain data, and as a figure that a reader steps through."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass

import numpy as np

from paper_lessons import plotting
from paper_lessons.automl_zero.interpreter import MemoryState, execute, sigmoid
from paper_lessons.automl_zero.memory import FEATURES, LABEL, PREDICTION, Memory
from paper_lessons.automl_zero.ops import COMPONENTS
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.tasks import Tasks, stream

Cell = tuple[str, int]


@dataclass(frozen=True)
class Step:
    """What one instruction, or the loop around them, did to the memory.

    Attributes
    ----------
    row : int or None
        Training row, from 0; None in Setup.
    component : str
        "setup", "predict" or "learn".
    place : int or None
        Number of the instruction in it; None where the loop writes.
    text : str
        The instruction, or what the loop does.
    changed : tuple of str
        Names of the cells that were written.
    memory : dict of str to str
        All cells that the program uses, afterwards.
    """

    row: int | None
    component: str
    place: int | None
    text: str
    changed: tuple[str, ...]
    memory: dict[str, str]


def record_steps(program: Program, tasks: Tasks, task: int = 0, *, seed: int = 0) -> list[Step]:
    """Train a program on the rows of a task, once, and write down the memory after every instruction.

    Parameters
    ----------
    program : Program
        The algorithm.
    tasks : Tasks
        Where the rows are taken from.
    task : int
        Number of the task.
    seed : int
        Of random ops.

    Returns
    -------
    list of Step
        The loop's own writing (features and empty label; label) has steps of its own.

    Raises
    ------
    ValueError
        If the program does not fit the memory that the task needs.

    Examples
    --------
    >>> from paper_lessons.automl_zero import LinearRegressionTasks, programs
    >>> steps = record_steps(programs.linear_model(0.1), LinearRegressionTasks(1, 2, train=1))
    >>> [step.text for step in steps][:4]
    ['s2 = 0.1', 'x arrives, y is hidden', 's1 = dot(v1, v0)', 'y arrives']
    """
    memory = Memory.holding(program, tasks.features)
    program.check(memory)
    state, generator = MemoryState.zeros(memory), stream(seed, task)
    used = sorted(
        {LABEL, PREDICTION, FEATURES}
        | {cell for one in program for cell in (*one.reads, *one.writes)},
        key=lambda cell: ("svm".index(cell[0]), cell[1]),
    )
    found: list[Step] = []

    def note(row: int | None, part: str, place: int | None, text: str, *cells: Cell) -> None:
        values = {f"{kind}{number}": _short(state[kind, number]) for kind, number in used}
        names = tuple(f"{kind}{number}" for kind, number in cells)
        found.append(Step(row, part, place, text, names, values))

    def run(row: int | None, part: str, instructions: tuple[Instruction, ...]) -> None:
        for place, one in enumerate(instructions):
            execute([one], state, generator)
            note(row, part, place, str(one), *one.writes)

    with np.errstate(all="ignore"):
        run(None, "setup", program.setup)
        for row, (x, y) in enumerate(zip(tasks.train_x[task], tasks.train_y[task], strict=True)):
            state[FEATURES], state[LABEL] = x, 0.0
            note(row, "predict", None, "x arrives, y is hidden", FEATURES, LABEL)
            run(row, "predict", program.predict)
            if tasks.kind == "accuracy":
                state[PREDICTION] = sigmoid(state[PREDICTION])
                note(row, "predict", None, "s1 becomes a probability", PREDICTION)
            state[FEATURES], state[LABEL] = x, y
            note(row, "learn", None, "y arrives", LABEL)
            run(row, "learn", program.learn)
    return found


def steps_html(program: Program, steps: list[Step], caption: str) -> str:
    """A figure in which a reader goes through the steps, forwards and backwards.

    Parameters
    ----------
    program : Program
        What was executed.
    steps : list of Step
        From :func:`record_steps`.
    caption : str
        What to see in it.

    Returns
    -------
    str
        HTML with its own style and script, which loads nothing. Without scripts it is the program and a
        table of all steps; with them, buttons and a slider that the keyboard moves.

    Raises
    ------
    ValueError
        If there are no steps.

    Examples
    --------
    >>> from paper_lessons.automl_zero import LinearRegressionTasks, programs
    >>> model = programs.linear_model(0.1)
    >>> steps = record_steps(model, LinearRegressionTasks(1, 2, train=1))
    >>> "<script" in steps_html(model, steps, "A linear model learns.")
    True
    """
    if not steps:
        raise ValueError("steps must hold at least one step, got none")
    lines = []
    for name, instructions in zip(COMPONENTS, program.components, strict=True):
        lines.append(f'<li class="head">{name.capitalize()}</li>')
        lines += [
            f'<li data-line="{name}-{place}">{html.escape(str(one))}</li>'
            for place, one in enumerate(instructions)
        ]
    names = list(steps[0].memory)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("step", "row", "what", *names))
    rows = []
    for number, step in enumerate(steps, start=1):
        line = "" if step.place is None else f"{step.component}-{step.place}"
        row = "Setup" if step.row is None else f"{step.row + 1}"
        cells = [
            f'<td data-cell="{name}"' + (' class="new">' if name in step.changed else ">") + value
            for name, value in step.memory.items()
        ]
        rows.append(
            f'<tr data-at="{line}"><th scope="row">{number}</th><td>{row}</td>'
            f"<td><code>{html.escape(step.text)}</code></td>{''.join(cells)}</tr>"
        )
    boxes = "".join(f'<div><dt>{name}</dt><dd data-box="{name}"></dd></div>' for name in names)
    body = "".join(rows)
    key = "stepper-" + hashlib.sha256((body + caption).encode()).hexdigest()[:8]
    colors = {"@blue": plotting.COLORS["blue"], "@orange": plotting.COLORS["orange"]}
    style = _STYLE
    for name, color in colors.items():
        style = style.replace(name, color)
    return _FIGURE.format(
        key=key,
        style=style.replace("@key", f"#{key}"),
        lines="".join(lines),
        boxes=boxes,
        last=len(steps),
        head=head,
        body=body,
        caption=html.escape(caption),
        script=_SCRIPT.replace("@key", key),
    )


def _short(value: float | np.ndarray) -> str:
    """A number, or numbers in brackets, to four digits."""
    if np.ndim(value) == 0:
        return f"{float(value) + 0.0:.4g}"
    return "[" + " ".join(_short(one) for one in np.asarray(value)) + "]"


_FIGURE = """<div class="stepper" id="{key}"><style>{style}</style>
<div class="parts"><ol aria-label="The program">{lines}</ol>
<div class="live" hidden>
<div class="keys"><button type="button" data-go="first">First</button>
<button type="button" data-go="back">Back</button>
<button type="button" data-go="forward">Forward</button>
<button type="button" data-go="last">Last</button></div>
<label>Step <input type="range" min="1" max="{last}" value="1"></label>
<p role="status"></p><dl>{boxes}</dl></div></div>
<details open><summary>All steps as a table</summary>
<div class="wide" tabindex="0" role="region" aria-label="All steps">
<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>
<p class="caption">{caption}</p>
<script>{script}</script></div>"""

# boxes and borders take the colour of the text, so that they are seen on light and on dark pages
_STYLE = """
@key .parts{display:flex;flex-wrap:wrap;gap:1.5rem}
@key ol{list-style:none;margin:0;padding:0;font-family:monospace;white-space:pre-wrap}
@key li{padding:.1rem .5rem;border-left:4px solid transparent}
@key li.head{font-weight:bold}
@key li.now{border-left-color:@orange;font-weight:bold}
@key .live{flex:1 1 15rem}@key [hidden]{display:none}
@key button{font:inherit;color:inherit;background:none;border:1px solid;border-radius:4px;padding:.2rem .6rem;cursor:pointer}
@key button:focus-visible,@key input:focus-visible{outline:3px solid @blue}
@key input{width:60%;vertical-align:middle;accent-color:@blue}
@key p{margin:.5rem 0;min-height:1.5em}
@key dl{display:flex;flex-wrap:wrap;gap:.5rem;margin:0}
@key dl div{border:1px solid;border-radius:4px;padding:.2rem .6rem;font-family:monospace}
@key dl div.new{outline:3px solid @orange}
@key dt{font-weight:bold}@key dd{margin:0}
@key .wide{overflow-x:auto;max-height:24rem}
@key table{font-size:.8em;border-collapse:collapse}
@key td,@key th{padding:.1rem .5rem;text-align:left;white-space:nowrap}
@key td.new{font-weight:bold;box-shadow:inset 0 -3px @orange}
"""

_SCRIPT = """(function(){
const box=document.getElementById("@key"),rows=[...box.querySelectorAll("tbody tr")];
const slider=box.querySelector("input"),say=box.querySelector("[role=status]");
function show(){
 const row=rows[slider.value-1],cells=[...row.children];
 say.textContent="Step "+slider.value+" of "+rows.length+
  (cells[1].textContent==="Setup"?", Setup: ":", row "+cells[1].textContent+": ")+cells[2].textContent;
 box.querySelectorAll("li").forEach(one=>one.classList.toggle("now",one.dataset.line!==undefined&&one.dataset.line===row.dataset.at));
 row.querySelectorAll("[data-cell]").forEach(cell=>{
  const target=box.querySelector('[data-box="'+cell.dataset.cell+'"]');
  target.textContent=cell.textContent;
  target.parentElement.classList.toggle("new",cell.classList.contains("new"));});}
box.querySelectorAll("button").forEach(button=>button.addEventListener("click",()=>{
 const at=+slider.value,go=button.dataset.go;
 slider.value={first:1,back:at-1,forward:at+1,last:rows.length}[go];show();}));
slider.addEventListener("input",show);
box.querySelector(".live").hidden=false;box.querySelector("details").open=false;show();
})();"""
