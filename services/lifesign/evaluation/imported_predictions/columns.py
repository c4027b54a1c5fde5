"""Which column of a predictions file means what: ids, label, scores or logits per class, slices."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifesign.datasets.columns import COLUMN_ALIASES, canonical_column
from lifesign.errors import DatasetError

__all__ = ["FileColumns", "find_columns"]

# Aliases beyond those of data sets. ``test_label`` and ``claimed_id`` are bob's names.
_ALIASES = {
    "sample_id": ("sample", "image_id", "test_label"),
    "subject_id": ("claimed_id",),
    "label": ("is_attack", "is_spoof", "is_fake", "y_true", "true_label", "ground_truth"),
    "outcome": ("outcome",),
    "reason": ("reason",),
    "score": ("score", "liveness_score", "bona_fide_score", "y_score", "p_bona_fide", "p_bonafide"),
    "logit": ("logit",),
}
_MORE = {alias: role for role, aliases in _ALIASES.items() for alias in aliases}
_TRUE_MEANS_ATTACK = frozenset({"is_attack", "is_spoof", "is_fake"})
_PER_CLASS = re.compile(r"(?P<kind>score|logit|prob|probability)s?[_ ](?P<word>.+)", re.IGNORECASE)


@dataclass(frozen=True)
class FileColumns:
    """Names in the file by role: ``roles`` (canonical name → column), scores and logits by class word.

    ``metadata`` are all columns without a role. ``doubled`` are those that say the same as another by a less
    plain name, as ``prob_cat`` beside ``score_cat``: column → the one that is read. ``label_is_attack`` says
    that a true label means attack, as in a column ``is_attack``.
    """

    roles: Mapping[str, str]
    scores: Mapping[str, str]
    logits: Mapping[str, str]
    metadata: tuple[str, ...]
    doubled: Mapping[str, str]
    label_is_attack: bool


def find_columns(names: Sequence[str], path: Path) -> FileColumns:
    """Return the meaning of column names; case, blanks and hyphens do not matter.

    Raises:
        DatasetError: no sample id, label or score, or two columns that mean the same.
    """
    found: dict[str, list[str]] = defaultdict(list)
    of_class: dict[str, dict[str, list[str]]] = {"score": defaultdict(list), "logit": defaultdict(list)}
    rest: list[str] = []
    for name in names:
        role = _role(name)
        match = None if role else _PER_CLASS.fullmatch(name.strip())
        if role is not None:
            found[role].append(name)
        elif match is not None:
            kind = "logit" if match["kind"].lower() == "logit" else "score"
            of_class[kind][match["word"].strip()].append(name)
        else:
            rest.append(name)
    roles = {role: _chosen(role, columns, rest, path) for role, columns in found.items()}
    per_class = {
        kind: {word: _chosen_of_class(kind, word, columns, path) for word, columns in words.items()}
        for kind, words in of_class.items()
    }
    doubled = {
        name: per_class[kind][word]
        for kind, words in of_class.items()
        for word, columns in words.items()
        for name in columns
        if name != per_class[kind][word]
    }
    _give_sample_id(roles)
    _require(roles, per_class, names, path)
    return FileColumns(
        roles=roles,
        scores=per_class["score"],
        logits=per_class["logit"],
        metadata=tuple(name for name in (*rest, *doubled) if name.strip()),
        doubled=doubled,
        label_is_attack=_normal(roles["label"]) in _TRUE_MEANS_ATTACK,
    )


def _normal(name: str) -> str:
    return re.sub(r"[-\s]+", "_", name.strip().lower())


def _role(name: str) -> str | None:
    return canonical_column(name) or _MORE.get(_normal(name))


def _chosen(role: str, columns: list[str], rest: list[str], path: Path) -> str:
    """Return the one column of a role: the canonical spelling wins, the others are metadata then."""
    kept = [name for name in columns if _normal(name) == role]
    if not kept and len(columns) > 1:
        # "id" is whatever the file has no other word for.
        kept = [name for name in columns if _normal(name) != "id"]
    kept = kept or columns
    if len(kept) > 1:
        raise DatasetError(f"{path}: columns {kept} all mean {role!r}; keep one, or name it {role!r}")
    rest += [name for name in columns if name not in kept]
    return kept[0]


def _chosen_of_class(kind: str, word: str, columns: Sequence[str], path: Path) -> str:
    """Return the one column of a class: ``score_cat`` comes before ``prob_cat``."""
    plain = f"{kind}_{_normal(word)}"
    kept = [name for name in columns if _normal(name) == plain] or columns
    if len(kept) > 1:
        raise DatasetError(
            f"{path}: columns {list(kept)} all are of class {word!r}; keep one, or name it {plain!r}"
        )
    return kept[0]


def _give_sample_id(roles: dict[str, str]) -> None:
    if "sample_id" in roles:
        return
    if "path" in roles:
        roles["sample_id"] = roles["path"]
    elif _normal(roles.get("subject_id", "")) == "id":
        # A data set's "id" is the person; a list of scores has it for the sample.
        roles["sample_id"] = roles.pop("subject_id")


def _require(
    roles: Mapping[str, str], per_class: Mapping[str, Mapping[str, str]], names: Sequence[str], path: Path
) -> None:
    for role in ("sample_id", "label"):
        if role not in roles:
            aliases = (*COLUMN_ALIASES[role], *_ALIASES[role])
            raise DatasetError(
                f"{path}: expected a column {role} (or {', '.join(aliases[1:])}), got {list(names)}"
            )
    if not ({"score", "logit"} & set(roles) or per_class["score"] or per_class["logit"]):
        raise DatasetError(
            f"{path}: expected a column score (P(bona fide), in [0, 1]), or score_<class> or logit_<class> "
            f"for every class, got {list(names)}"
        )
