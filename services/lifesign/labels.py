"""Class names of face presentation-attack detection, and the folder names that mean them.

The names of folders decide the label, never their alphabetical order: with ``Fake`` and ``Real``
alphabetical order happens to give attack = 0, with ``live`` and ``spoof`` it gives the reverse.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from lifesign.errors import DatasetError

__all__ = [
    "ATTACK",
    "BONA_FIDE",
    "IGNORED_NAMES",
    "LIVENESS_CLASSES",
    "Split",
    "is_liveness",
    "liveness_label",
    "pai_family",
    "resolve_labels",
    "split_name",
    "split_order",
]

BONA_FIDE = "bona_fide"
ATTACK = "attack"
LIVENESS_CLASSES = (ATTACK, BONA_FIDE)
"""Class order of every liveness model that Lifesign exports: index 1 is bona fide."""

IGNORED_NAMES = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})

# Compared without blanks, hyphens, underscores and dots, in lower case.
_BONA_FIDE_NAMES = frozenset(
    {"bonafide", "bonafides", "real", "live", "genuine", "client", "authentic", "1"}
    | {
        f"{word}{what}"
        for word in ("real", "live", "genuine")
        for what in ("face", "faces", "person", "user")
    }
)
_ATTACK_NAMES = frozenset(
    {"attack", "attacks", "fake", "spoof", "spoofs", "spoofed", "spoofing", "imposter", "impostor", "0"}
    | {"presentationattack", "presentationattacks", "notlive", "nonlive", "fakeface", "fakefaces"}
    | {"spoofface", "spooffaces", "nonbonafide", "notbonafide"}
)
_FAMILIES = ("print", "replay", "mask", "partial", "makeup")


class Split(StrEnum):
    """The three parts of a data set; thresholds are chosen on ``DEV``, results told on ``TEST``."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


_SPLIT_ORDER = {str(split): place for place, split in enumerate(Split)}
_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("dev", "devel", "development", "val", "valid", "validation"), Split.DEV),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), Split.TEST),
}


def _normalised(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def liveness_label(name: str) -> str | None:
    """Return ``bona_fide`` or ``attack`` for a folder or label name, ``None`` for any other word."""
    # Between letters only: the label "-1" is not "1".
    word = re.sub(r"(?<=[a-z])[-_.\s]+(?=[a-z])", "", name.strip().lower())
    if word in _BONA_FIDE_NAMES:
        return BONA_FIDE
    return ATTACK if word in _ATTACK_NAMES else None


def split_name(name: str) -> Split | None:
    """Return the split that a folder or manifest word means, ``None`` for any other word."""
    return _SPLIT_NAMES.get(_normalised(name))


def split_order(name: str) -> tuple[int, str]:
    """Return what sorts split names as train, dev, test, then others by their letters."""
    return _SPLIT_ORDER.get(name, len(_SPLIT_ORDER)), name


def pai_family(species: str) -> str:
    """Return the family of a presentation-attack-instrument species, such as ``print``."""
    head = _normalised(species).split("_", 1)[0]
    return head if head in _FAMILIES else "unknown"


def is_liveness(class_names: Iterable[str]) -> bool:
    """Tell whether these are the two classes of presentation-attack detection."""
    return set(class_names) == set(LIVENESS_CLASSES)


def resolve_labels(
    found: Iterable[str], class_names: Iterable[str], class_map: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Map each label found in a data set to one of the model's classes.

    An explicit ``class_map`` wins, then the same name, then (liveness only) the usual synonyms.

    Raises:
        DatasetError: a label fits no class; the message lists what was found and what is known.
    """
    names = sorted(set(found))
    classes = tuple(class_names)
    explicit = dict(class_map or {})
    liveness = is_liveness(classes)
    resolved: dict[str, str] = {}
    unknown: list[str] = []
    for name in names:
        target = explicit.get(name) or (name if name in classes else None)
        if target is None and liveness:
            target = liveness_label(name)
        if target is None or target not in classes:
            unknown.append(name)
        else:
            resolved[name] = target
    strange = sorted({target for target in explicit.values() if target not in classes})
    if liveness and strange:
        raise DatasetError(f"class map: expected the model's classes {list(classes)}, got {strange}")
    if unknown:
        raise DatasetError(
            f"unknown class {', '.join(map(repr, unknown))}: found {names}, "
            f"expected the model's classes {list(classes)}"
            + (" or their synonyms (real, live, fake, spoof, …)" if liveness else "")
            + "; map it with --class-map NAME=CLASS"
        )
    return resolved
