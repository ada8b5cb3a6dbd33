"""The table of a report, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from paper_lessons.dn2.report.examination import Examination


def csv_text(examination: Examination) -> str:
    """The table of all pictures, the most anomalous first; those that could not be read at the end.

    Parameters
    ----------
    examination : Examination

    Returns
    -------
    str
        Names that a spreadsheet would take for a formula begin with an apostrophe.

    Examples
    --------
    >>> import numpy as np
    >>> from paper_lessons.dn2.report.examination import Finding
    >>> from paper_lessons.dn2.report.thumbnails import Picture
    >>> found = Finding(Picture("=1+1.png"), 0.5, 0.25, True, ())
    >>> about = Examination([found], [], np.array([0.1, 0.2, 0.3]), 0.3, 0.05)
    >>> csv_text(about).splitlines()[1]
    "1,'=1+1.png,0.5,0.3,yes,0.25,"
    """
    columns = max((len(finding.neighbors) for finding in examination.findings), default=0)
    head = ["rank", "picture", "score", "threshold", "anomalous", "p_value"]
    for number in range(1, columns + 1):
        head += [f"neighbor_{number}", f"distance_{number}"]
    written = io.StringIO()
    # Ended as RFC 4180 says; only then does the writer quote both signs where a name has them.
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([*head, "not_read_because"])
    for rank, finding in enumerate(examination.ranked, 1):
        verdict = "yes" if finding.anomalous else "no"
        row: list[Any] = [rank, _cell(finding.picture.name), finding.score]
        row += [examination.threshold, verdict, finding.p_value]
        for picture, distance in finding.neighbors:
            row += [_cell(picture.name), distance]
        writer.writerow([*row, ""])
    for name, reason in examination.skipped:
        writer.writerow(["", _cell(name), *[""] * (len(head) - 2), _cell(reason)])
    return written.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
