"""Columns of names that come part by part, kept as the smallest integers that tell the names apart."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.evaluation.analysis.codes import Codes, recoded, smallest_integers

__all__ = ["CodeBuilder"]


class CodeBuilder:
    """Collects a column of names: of every part its distinct names and its rows as their codes.

    Names are numbered as they first occur over all parts, as if there were one part.
    """

    def __init__(self) -> None:
        self._names: list[pa.Array] = []
        self._codes: list[NDArray[np.signedinteger[Any]]] = []

    def add_column(self, column: pa.ChunkedArray) -> None:
        """Add the rows of a text column; nulls have no code."""
        encoded = pa.concat_arrays(column.cast(pa.string()).chunks or [pa.array([], pa.string())])
        encoded = encoded.dictionary_encode()
        index = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False))
        self._add(encoded.dictionary, index)

    def add_codes(self, codes: Codes) -> None:
        """Add rows that have codes already."""
        self._add(pa.array(codes.names, pa.string()), codes.index)

    def _add(self, names: pa.Array, index: NDArray[np.signedinteger[Any]]) -> None:
        self._names.append(names)
        self._codes.append(index.astype(smallest_integers(len(names)), copy=False))

    def numbered(self) -> tuple[pa.Array, NDArray[np.signedinteger[Any]]]:
        """Return the distinct names and the code of each row, ``(n,)``, −1 for none; empties the builder."""
        names, parts = self._names, self._codes
        self._names, self._codes = [], []
        encoded = pa.concat_arrays(names or [pa.array([], pa.string())]).dictionary_encode()
        place = np.asarray(encoded.indices.to_numpy(zero_copy_only=False))
        result = np.empty(sum(map(len, parts)), smallest_integers(len(encoded.dictionary)))
        row = first = 0
        for own, index in zip(names, parts, strict=True):
            # The last entry is what −1 points at.
            target = np.append(place[first : first + len(own)], -1).astype(result.dtype)
            result[row : row + len(index)] = target[index]
            row, first = row + len(index), first + len(own)
        return encoded.dictionary, result

    def sorted_codes(self) -> Codes:
        """Return the codes of the names in use, sorted; an empty name is none. Empties the builder."""
        names, index = self.numbered()
        return recoded([name or None for name in names.to_pylist()], index)

    def subject_numbers(self) -> NDArray[np.signedinteger[Any]]:
        """Return a number per subject, ``(n,)``, −1 for an unknown or empty one. Empties the builder."""
        names, index = self.numbered()
        nobody = pc.index(names, "").as_py()
        if nobody >= 0:
            index[index == nobody] = -1
        return index
