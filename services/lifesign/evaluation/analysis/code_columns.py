"""Columns of names that come part by part, kept as the smallest integers that tell the names apart."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lifesign.evaluation.analysis.codes import CodeArray, Codes, recoded, smallest_integers

__all__ = ["CodeBuilder"]


class CodeBuilder:
    """Collects a column of names: of every part its distinct names and its rows as their codes.

    Names are numbered as they first occur over all parts, as if there were one part. The array of all
    ``rows`` codes is made at once: pieces of each part, joined at the end, would leave holes in memory.
    """

    def __init__(self, rows: int) -> None:
        self._names: list[pa.Array] = []
        self._ends: list[int] = []
        self._codes: CodeArray = np.full(rows, -1, dtype=np.int8)

    def add_column(self, column: pa.ChunkedArray) -> None:
        """Add the rows of a text column; nulls have no code."""
        encoded = pa.concat_arrays(column.cast(pa.string()).chunks or [pa.array([], pa.string())])
        encoded = encoded.dictionary_encode()
        index = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False))
        self._add(encoded.dictionary, index)

    def add_codes(self, codes: Codes) -> None:
        """Add rows that have codes already."""
        self._add(pa.array(codes.names, pa.string()), codes.index)

    def _add(self, names: pa.Array, index: CodeArray) -> None:
        start = self._ends[-1] if self._ends else 0
        self._names.append(names)
        self._ends.append(start + len(index))
        self._widen(len(names))
        self._codes[start : start + len(index)] = index

    def _widen(self, count: int) -> None:
        kind = smallest_integers(count)
        if np.iinfo(kind).max > np.iinfo(self._codes.dtype).max:
            self._codes = self._codes.astype(kind)

    def numbered(self) -> tuple[pa.Array, CodeArray]:
        """Return the distinct names and the code of each row, ``(rows,)``, −1 for none.

        The builder is empty after that.
        """
        encoded = pa.concat_arrays(self._names or [pa.array([], pa.string())]).dictionary_encode()
        place = np.asarray(encoded.indices.to_numpy(zero_copy_only=False))
        self._widen(len(encoded.dictionary))
        result, row, first = self._codes, 0, 0
        for own, end in zip(self._names, self._ends, strict=True):
            # The last entry is what −1 points at.
            target = np.append(place[first : first + len(own)], -1).astype(result.dtype)
            result[row:end] = target[result[row:end]]
            row, first = end, first + len(own)
        self._names, self._ends, self._codes = [], [], np.empty(0, np.int8)
        return encoded.dictionary, result

    def sorted_codes(self) -> Codes:
        """Return the codes of the names in use, sorted; an empty name is none. Empties the builder."""
        names, index = self.numbered()
        return recoded([name or None for name in names.to_pylist()], index)

    def subject_numbers(self) -> CodeArray:
        """Return a number per subject, ``(n,)``, −1 for an unknown or empty one. Empties the builder."""
        names, index = self.numbered()
        nobody = pc.index(names, "").as_py()
        if nobody >= 0:
            index[index == nobody] = -1
        return index
