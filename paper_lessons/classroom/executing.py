"""Running a solution from top to bottom in a kernel of its own."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paper_lessons.classroom.making import Execution
from paper_lessons.classroom.notebooks import KEY, to_text, without_colour

# One thread and one hash seed: the same numbers and the same order on every machine.
QUIET = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}

_LISTEN = "from paper_lessons.classroom import values as _values; _values.recorded = []"
_REPORT = (
    "import json as _json; print(_json.dumps(_values.recorded)); _values.recorded = None; "
    "del _values, _json"
)


def execute(solution: dict[str, Any], *, timeout: float = 600) -> dict[str, Execution]:
    """Run every code cell and keep what it printed.

    Parameters
    ----------
    solution : dict
        A notebook of ``making.solution_notebook`` that was not run yet.
    timeout : float
        Seconds that one cell may take.

    Returns
    -------
    dict of str to Execution
        By cell name.

    Raises
    ------
    ValueError
        If a cell fails; the message holds its traceback.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

    probed = nbformat.reads(to_text(_probed(solution)), as_version=4)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, _environment(QUIET):
        client = NotebookClient(
            probed,
            timeout=timeout,
            kernel_name=CURRENT_ENV_KERNEL_NAME,
            record_timing=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        manager = client.create_kernel_manager()
        manager.kernel_spec_manager = NbvalKernelspecManager()
        try:
            client.execute()
        except CellExecutionError as error:
            raise ValueError(f"the solution fails:\n{without_colour(str(error))}") from error
        except DeadKernelError as error:
            raise ValueError("the solution fails: its kernel died") from error
        except CellTimeoutError as error:
            raise ValueError(
                f"a cell of the solution takes more than {timeout:g} seconds"
            ) from error
    return _collect(probed)


def _probed(solution: dict[str, Any]) -> dict[str, Any]:
    """The notebook with cells around each check that listen to ``show``."""
    probed = copy.deepcopy(solution)
    cells: list[dict[str, Any]] = []
    for cell in probed["cells"]:
        if cell["metadata"][KEY]["role"] != "check":
            cells.append(cell)
            continue
        for role, source in (("listen", _LISTEN), ("", ""), ("report", _REPORT)):
            if not role:
                cells.append(cell)
                continue
            probe = copy.deepcopy(cell)
            probe |= {"id": f"{role}-{len(cells)}", "source": source}
            probe["metadata"] = {KEY: {"role": role, "cell": cell["metadata"][KEY]["cell"]}}
            cells.append(probe)
    probed["cells"] = cells
    return probed


def _collect(executed: Any) -> dict[str, Execution]:
    found: dict[str, Execution] = {}
    count = 0
    for cell in executed.cells:
        if cell.cell_type != "code":
            continue
        role, name = cell.metadata[KEY]["role"], cell.metadata[KEY]["cell"]
        if role == "listen":
            continue
        if role == "report":
            shown = json.loads("".join(output.text for output in cell.outputs))
            found[name] = Execution(found[name].outputs, found[name].count, shown)
            continue
        count += 1
        outputs = _merged([_output(output, count) for output in cell.outputs])
        found[name] = Execution(outputs, count)
    return found


def _output(output: Any, count: int) -> dict[str, Any]:
    kept = json.loads(json.dumps(output))
    if kept["output_type"] == "execute_result":
        kept["execution_count"] = count
    if kept["output_type"] == "stream":
        kept["text"] = kept["text"] if isinstance(kept["text"], str) else "".join(kept["text"])
    return kept


def _merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Streams arrive in pieces that depend on the moment; they are kept whole."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            merged.append(output)
    for output in merged:
        if output["output_type"] == "stream":
            output["text"] = output["text"].splitlines(keepends=True)
    return merged


@contextmanager
def _environment(extra: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.update(extra)
        # A person's own start-up files must not change what a solution prints.
        os.environ["IPYTHONDIR"] = folder
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
