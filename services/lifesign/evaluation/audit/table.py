"""The labelled samples that an audit looks at: one row per image, nothing decoded."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lifesign.labels import is_liveness

__all__ = ["AuditTable", "groups_of"]

Text = str | None


@dataclass(frozen=True)
class AuditTable:
    """Columns of ``n`` samples, all of the same length, with ``None`` for what is not known.

    ``slices`` are the metadata columns worth counting by; ``people`` maps further identity columns (the
    attacker, the depicted person) to their values; ``boxes`` is float64 ``(n, 4)`` x, y, width, height of
    the face in pixels, ``nan`` where unknown. ``names`` are the words by which folders name a label,
    for measuring file names without them.
    """

    sample_ids: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    class_names: tuple[str, ...]
    splits: tuple[Text, ...]
    species: tuple[Text, ...]
    subjects: tuple[Text, ...]
    presentations: tuple[Text, ...]
    datasets: tuple[Text, ...]
    slices: Mapping[str, tuple[Text, ...]] = field(default_factory=dict)
    people: Mapping[str, tuple[Text, ...]] = field(default_factory=dict)
    boxes: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sample_ids)

    @property
    def is_liveness(self) -> bool:
        """Tell whether the classes are attack and bona fide."""
        return is_liveness(self.class_names)

    @property
    def has_subjects(self) -> bool:
        """Tell whether the data set names people."""
        return any(self.subjects)

    def persons(self) -> tuple[Text, ...]:
        """Return subject ids qualified by data set: subject 1 of two sets is two people."""
        return _qualified(self.datasets, self.subjects)

    def presentation_keys(self) -> tuple[Text, ...]:
        """Return presentation ids qualified by data set."""
        return _qualified(self.datasets, self.presentations)

    def identities(self) -> Mapping[str, tuple[Text, ...]]:
        """Return every column that names a person, qualified by data set, by its name."""
        others = {name: _qualified(self.datasets, values) for name, values in self.people.items()}
        return {"subject_id": self.persons(), **others}

    def label_codes(self) -> NDArray[np.int64]:
        """Return the class index of each sample, int64 ``(n,)``."""
        index = {name: place for place, name in enumerate(self.class_names)}
        return np.array([index[label] for label in self.labels], dtype=np.int64)

    def group_codes(self) -> NDArray[np.int64]:
        """Return a number per person, int64 ``(n,)``: what folds must not tear apart.

        A sample of nobody known goes with its presentation, or stands alone.
        """
        codes: dict[object, int] = {}
        keys = zip(self.persons(), self.presentation_keys(), strict=True)
        result = [
            codes.setdefault(person or show or (row,), len(codes)) for row, (person, show) in enumerate(keys)
        ]
        return np.array(result, dtype=np.int64)


def groups_of(values: Iterable[object]) -> dict[object, list[int]]:
    """Return the rows of each value that is not ``None`` or empty, in order."""
    rows: defaultdict[object, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        if value is not None and value != "":
            rows[value].append(row)
    return dict(rows)


def _qualified(datasets: Sequence[Text], values: Sequence[Text]) -> tuple[Text, ...]:
    return tuple(
        None if not value else f"{source}/{value}" if source else value
        for source, value in zip(datasets, values, strict=True)
    )
