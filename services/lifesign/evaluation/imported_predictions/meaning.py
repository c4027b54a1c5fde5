"""What labels and score columns of a file stand for: the classes, the task, the label of each spelling."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lifesign.errors import ConfigurationError, DatasetError
from lifesign.evaluation.imported_predictions.columns import FileColumns
from lifesign.labels import ATTACK, BONA_FIDE, LIVENESS_CLASSES, is_liveness, liveness_label, resolve_labels

__all__ = ["Meaning", "find_meaning"]

_TRUE = frozenset({"true", "t", "yes", "y"})
_FALSE = frozenset({"false", "f", "no", "n"})
_WHOLE = re.compile(r"([+-]?)0*(\d+)(?:\.0*)?")
_LIVENESS_NUMBERS = {"1": BONA_FIDE, "0": ATTACK, "-1": ATTACK, "-2": ATTACK}


@dataclass(frozen=True)
class Meaning:
    """How a file is read: classes, task, and columns in class order; ``None`` where a class has none.

    A liveness file may have the score or logit of one class only. ``label_map`` is spelling → class.
    ``notes`` are sentences about what was taken for granted.
    """

    class_names: tuple[str, ...]
    task: Literal["liveness", "classification"]
    score_columns: tuple[str | None, ...]
    logit_columns: tuple[str | None, ...]
    label_map: Mapping[str, str]
    metadata: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_meaning(
    columns: FileColumns,
    labels: Mapping[str, str],
    *,
    path: Path,
    class_names: Sequence[str] | None = None,
    class_map: Mapping[str, str] | None = None,
) -> Meaning:
    """Return what the columns mean, given all ``labels`` that occur, each with a place that has it.

    Classes are ``class_names`` where given, else the words after ``score_`` and ``logit_`` in the order of
    the file; words and labels that mean bona fide and attack make it liveness, as a lone ``score`` does.

    Raises:
        DatasetError: a label or a column that fits no class, or a class without a column.
        ConfigurationError: class names or a class map that fit no task.
    """
    given = None if class_names is None else _known_names(class_names)
    words = tuple(dict.fromkeys([*columns.scores, *columns.logits]))
    plain = [role for role in ("score", "logit") if role in columns.roles]
    if words:
        try:
            return _per_class(columns, words, labels, path, given, class_map or {})
        except DatasetError:
            if not plain:
                raise
    return _plain(columns, plain, labels, given, class_map or {})


def _known_names(names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) != len(names) or len(names) < 2:
        raise ConfigurationError(f"expected two or more different class names, got {list(names)}")
    mapped = [liveness_label(name) for name in names]
    # Two names of which one is "1" and the other "0" may be meant as they are: digits, say.
    if len(names) == 2 and set(mapped) == set(LIVENESS_CLASSES) and set(names) != {"0", "1"}:
        return LIVENESS_CLASSES
    return tuple(names)


def _per_class(
    columns: FileColumns,
    words: Sequence[str],
    labels: Mapping[str, str],
    path: Path,
    given: tuple[str, ...] | None,
    class_map: Mapping[str, str],
) -> Meaning:
    classes = given or _classes(words)
    liveness = is_liveness(classes)
    by_word = {word: _class_of(word, classes) for word in words}
    strange = [word for word, name in by_word.items() if name is None]
    if strange:
        raise DatasetError(f"{path}: expected score columns of the classes {list(classes)}, got {strange}")
    scores = _in_order(columns.scores, by_word, classes, path)
    logits = _in_order(columns.logits, by_word, classes, path)
    for kind, found in (("score", scores), ("logit", logits)):
        missing = [name for name, column in zip(classes, found, strict=True) if column is None]
        if len(missing) not in (0, len(classes)) and not liveness:
            raise DatasetError(
                f"{path}: expected a column {kind}_<class> for every class, got none of {missing}"
            )
    unused = [columns.roles[role] for role in ("score", "logit") if role in columns.roles]
    notes = tuple(f"column {name!r} is not used: the columns per class say more" for name in unused)
    notes += tuple(f"column {name!r} is not used: {read!r} is" for name, read in columns.doubled.items())
    label_map = _label_map(labels, classes, class_map, label_is_attack=columns.label_is_attack)
    task: Literal["liveness", "classification"] = "liveness" if liveness else "classification"
    return Meaning(classes, task, scores, logits, label_map, columns.metadata, notes)


def _plain(
    columns: FileColumns,
    plain: Sequence[str],
    labels: Mapping[str, str],
    given: tuple[str, ...] | None,
    class_map: Mapping[str, str],
) -> Meaning:
    if given is not None and not is_liveness(given):
        raise ConfigurationError(
            f"a lone column {plain[0]!r} is P(bona fide) of a liveness model; the classes {list(given)} need "
            "a column score_<class> each"
        )
    try:
        label_map = _label_map(labels, LIVENESS_CLASSES, class_map, label_is_attack=columns.label_is_attack)
    except DatasetError as error:
        if class_map:
            raise
        raise DatasetError(
            f"{error}; a lone column {plain[0]!r} is P(bona fide), other classes need score_<class> each"
        ) from None
    places = [
        tuple(columns.roles.get(role) if name == BONA_FIDE else None for name in LIVENESS_CLASSES)
        for role in ("score", "logit")
    ]
    spare = [*columns.scores.values(), *columns.logits.values()]
    return Meaning(LIVENESS_CLASSES, "liveness", places[0], places[1], label_map, (*columns.metadata, *spare))


def _classes(words: Sequence[str]) -> tuple[str, ...]:
    mapped = [liveness_label(word) for word in words]
    if None not in mapped and len(words) <= 2 * len(LIVENESS_CLASSES) and len(set(words)) <= 2:
        return LIVENESS_CLASSES
    if len(words) < 2:
        raise DatasetError(
            f"expected a column score_<class> for two or more classes, got only one, of {words[0]!r}"
        )
    return tuple(words)


def _class_of(word: str, classes: tuple[str, ...]) -> str | None:
    if word in classes:
        return word
    if is_liveness(classes):
        return liveness_label(word)
    alike = [name for name in classes if _folded(name) == _folded(word)]
    return alike[0] if len(alike) == 1 else None


def _in_order(
    found: Mapping[str, str], by_word: Mapping[str, str | None], classes: tuple[str, ...], path: Path
) -> tuple[str | None, ...]:
    column_of: dict[str, str] = {}
    for word, column in found.items():
        name = by_word[word] or ""
        if name in column_of:
            raise DatasetError(
                f"{path}: columns {column_of[name]!r} and {column!r} are both of class {name!r}"
            )
        column_of[name] = column
    return tuple(column_of.get(name) for name in classes)


def _label_map(
    labels: Mapping[str, str],
    classes: tuple[str, ...],
    class_map: Mapping[str, str],
    *,
    label_is_attack: bool,
) -> dict[str, str]:
    """Map every spelling of a label to a class; an explicit map wins."""
    liveness = is_liveness(classes)
    targets = {
        label: (liveness_label(name) or name) if liveness else name for label, name in class_map.items()
    }
    found = sorted(set(labels))
    for label in found:
        if label not in targets:
            name = _of_spelling(label, classes)
            if name is not None and liveness and label_is_attack:
                name = _exchanged(label, name)
            if name is not None:
                targets[label] = name
    try:
        return resolve_labels(found, classes, targets)
    except DatasetError as error:
        unknown = [label for label in found if targets.get(label) not in classes]
        if not unknown:
            raise
        raise DatasetError(f"{labels[unknown[0]]}: {error}") from None


def _of_spelling(label: str, classes: tuple[str, ...]) -> str | None:
    whole = _WHOLE.fullmatch(label)
    number = None if whole is None else f"{'-' if whole[1] == '-' and whole[2] != '0' else ''}{whole[2]}"
    if is_liveness(classes):
        word = label.lower()
        if number is not None:
            return _LIVENESS_NUMBERS.get(number)
        return BONA_FIDE if word in _TRUE else ATTACK if word in _FALSE else liveness_label(label)
    return _class_of(label, classes) or (None if number is None else _class_of(number, classes))


def _exchanged(label: str, name: str) -> str:
    """Read a truth value or number of a column ``is_attack``; words mean what they say."""
    is_value = label.lower() in _TRUE | _FALSE or _WHOLE.fullmatch(label) is not None
    return name if not is_value else ATTACK if name == BONA_FIDE else BONA_FIDE


def _folded(name: str) -> str:
    return re.sub(r"[-_\s]+", "_", name.strip().casefold())
