"""The figures of each epoch, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curves"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """One row per epoch, in the order given; ``series`` maps the canonical metric name to ``(n,)`` values.

    ``nan`` stands for "not given"; a loss printed as NaN or infinite is in ``broken``, metric to row indices.
    ``names`` keeps how each metric was called. Several joined runs are one sequence; ``run_starts`` has the
    row index where each begins.
    """

    series: Mapping[str, _Floats]
    names: Mapping[str, str] = field(default_factory=dict)
    epochs: tuple[int, ...] = ()
    run_starts: tuple[int, ...] = (0,)
    train_samples: int | None = None
    validation_samples: int | None = None
    steps: int | None = None
    seconds: tuple[float | None, ...] = ()
    decimals: int | None = None
    broken: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    planned_epochs: int | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.series.values()), ()))

    def get(self, name: str) -> _Floats | None:
        """Return a metric, ``None`` where no epoch has it."""
        values = self.series.get(name)
        return None if values is None or not np.isfinite(values).any() else values

    @property
    def loss(self) -> _Floats | None:
        """The training loss."""
        return self.get("loss")

    @property
    def val_loss(self) -> _Floats | None:
        """The validation loss."""
        return self.get("val_loss")

    @property
    def accuracy(self) -> _Floats | None:
        """The training accuracy, 0–1."""
        return self.get("accuracy")

    @property
    def val_accuracy(self) -> _Floats | None:
        """The validation accuracy, 0–1."""
        return self.get("val_accuracy")

    @cached_property
    def first_broken(self) -> tuple[str, int] | None:
        """The metric and row index of the first loss that is not finite."""
        found = [(rows[0], name) for name, rows in self.broken.items() if rows]
        return (min(found)[1], min(found)[0]) if found else None

    def rows(self, keep: Sequence[int]) -> "Curves":
        """Return only these rows."""
        index = np.asarray(keep, int)
        places = {int(old): new for new, old in enumerate(index)}
        return replace(
            self,
            series={name: values[index] for name, values in self.series.items()},
            epochs=tuple(self.epochs[i] for i in index) if self.epochs else (),
            seconds=tuple(self.seconds[i] for i in index) if self.seconds else (),
            run_starts=tuple(sorted({places[start] for start in self.run_starts if start in places} | {0})),
            broken={
                name: kept
                for name, given in self.broken.items()
                if (kept := tuple(places[row] for row in given if row in places))
            },
        )
