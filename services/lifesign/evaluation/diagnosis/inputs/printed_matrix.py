"""A confusion matrix as NumPy prints it."""

import re

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_printed_matrix"]

_MATRIX = re.compile(r"\[\s*(\[[\d\s,.]+\]\s*,?\s*)+\]")
_ROW = re.compile(r"\[([\d\s,.]+)\]")


def read_printed_matrix(text: str) -> NDArray[np.int64] | None:
    """Return the first square matrix of counts ``[[50  2] [ 3 40]]`` in a text, ``None`` without one."""
    for found in _MATRIX.finditer(text):
        rows = [re.split(r"[\s,]+", row.strip(" \t\n,")) for row in _ROW.findall(found[0])]
        if len(rows) < 2 or any(len(row) != len(rows) for row in rows):
            continue
        try:
            table = np.array(rows, float)
        except ValueError:
            continue
        if (table == table.round()).all():
            return table.astype(np.int64)
    return None
