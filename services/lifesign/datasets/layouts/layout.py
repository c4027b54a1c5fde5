"""What a layout is, and what reading one gives."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError
from lifesign.labels import ATTACK, BONA_FIDE, pai_family

__all__ = ["Layout", "LayoutRows", "Rejection", "UnusableError", "chosen_protocol", "counted", "sample_row"]


@dataclass(frozen=True)
class Rejection:
    """Something in the set that is no sample, and why: an image, a line of a list, or a whole video."""

    sample: str
    reason: str


class UnusableError(Exception):
    """Raised while one entry is read: it becomes a ``Rejection``, the others go on."""


@dataclass(frozen=True)
class LayoutRows:
    """The samples; what was left out; and what to know.

    ``root`` is where the paths of the rows lie when that is not the folder of the listing.
    """

    rows: RowTable
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()
    root: str | None = None


@dataclass(frozen=True)
class Layout:
    """One published layout.

    ``protocols`` are the words that ``--protocol`` takes; ``read`` gets one of them or ``None``. ``verify``,
    where the publisher gives digests, raises ``DatasetError`` for files that are not those published.
    """

    name: str
    title: str
    matches: Callable[[Tree], bool]
    read: Callable[[Tree, str | None], LayoutRows]
    protocols: tuple[str, ...] = ()
    verify: Callable[[Tree], None] | None = None


def chosen_protocol(layout: Layout, protocol: str | None) -> str | None:
    """Return the protocol if the layout has it.

    Raises:
        DatasetError: it has no such protocol; the message lists those it has.
    """
    if protocol is None or protocol in layout.protocols:
        return protocol
    if not layout.protocols:
        raise DatasetError(f"{layout.title} has no protocols, got --protocol {protocol}")
    raise DatasetError(
        f"{layout.title}: expected a protocol among {', '.join(layout.protocols)}, got {protocol!r}"
    )


def sample_row(
    path: str,
    *,
    dataset: str,
    species: str | None,
    split: str | None = None,
    subject: str | None = None,
    presentation: str | None = None,
    frame: int | None = None,
    **metadata: str | None,
) -> dict[str, str | None]:
    """Return one row; ``species`` is ``None`` for bona fide, and empty where an attack's is not told.

    Subjects and presentations are qualified by the data set: client 1 of two sets is two people.
    """
    return {
        "sample_id": path,
        "path": path,
        "label": BONA_FIDE if species is None else ATTACK,
        "split": split,
        "subject_id": None if subject is None else f"{dataset}-{subject}",
        "presentation_id": None if presentation is None else f"{dataset}-{presentation}",
        "pai_species": species or None,
        "pai_family": pai_family(species) if species else None,
        "frame_idx": None if frame is None else str(frame),
        "dataset": dataset,
        **metadata,
    }


def counted(rejections: Sequence[Rejection]) -> list[tuple[str, int, str]]:
    """Return (reason, how many, the first) of rejections, the most frequent first."""
    counts = Counter(one.reason for one in rejections)
    first = {one.reason: one.sample for one in reversed(rejections)}
    return [(reason, count, first[reason]) for reason, count in counts.most_common()]
