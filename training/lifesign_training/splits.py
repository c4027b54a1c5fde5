"""Splits: audited, disjoint by subject, and carved where the development split is missing."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from lifesign.errors import DatasetError
from lifesign.labels import Split
from lifesign_training.samples import Sample, SampleSet

__all__ = ["audit_lines", "carve_dev", "refuse_leakage", "refuse_shared_images"]


def refuse_leakage(samples: Sequence[Sample]) -> None:
    """Refuse a subject that is in more than one split.

    Raises:
        DatasetError: with the names of up to five subjects.
    """
    splits_of: defaultdict[str, set[Split]] = defaultdict(set)
    for sample in samples:
        if sample.subject and sample.split is not None:
            splits_of[sample.subject].add(sample.split)
    for first, second in combinations(Split, 2):
        shared = sorted(name for name, splits in splits_of.items() if {first, second} <= splits)
        if shared:
            raise DatasetError(
                f"{len(shared)} subject(s) are in both {first} and {second}: {_some(shared)}; "
                "results on a known face say nothing about a new one"
            )


def refuse_shared_images(samples: Sequence[Sample], digests: Mapping[str, str]) -> None:
    """Refuse one image (the same bytes) under two labels or in two splits.

    ``digests`` maps sample ids to the SHA-256 of the file.

    Raises:
        DatasetError: with the two paths.
    """
    first_of: dict[str, Sample] = {}
    for sample in samples:
        digest = digests.get(sample.sample_id)
        if digest is None:
            continue
        first = first_of.setdefault(digest, sample)
        if first.label != sample.label:
            raise DatasetError(
                f"the same image has two labels: {first.sample_id} ({first.label}) and "
                f"{sample.sample_id} ({sample.label})"
            )
        if first.split is not sample.split:
            raise DatasetError(
                f"the same image is in {first.split} and {sample.split}: "
                f"{first.sample_id} and {sample.sample_id}"
            )


def carve_dev(data: SampleSet, *, fraction: float, seed: int) -> SampleSet:
    """Give samples without a split to train, and carve a development split where there is none.

    The carved part holds about ``fraction`` of the training samples, stratified by class and PAI
    species, and no subject of the remaining ones. The rows' order in the data set plays no part.

    Raises:
        DatasetError: no training samples, or too few subjects of a class to part them.
    """
    samples = tuple(replace(item, split=item.split or Split.TRAIN) for item in data.samples)
    data = replace(data, samples=samples)
    train = data.of(Split.TRAIN)
    if not train:
        raise DatasetError(
            f"{data.root} has no training samples; found {sorted({str(s.split) for s in samples})}"
        )
    if data.of(Split.DEV):
        return data
    chosen = {train[index].sample_id for index in _grouped_share(train, fraction=fraction, seed=seed)}
    carved = replace(
        data,
        samples=tuple(
            replace(item, split=Split.DEV) if item.sample_id in chosen else item for item in samples
        ),
        notes=(*data.notes, f"no dev split: carved {len(chosen)} of {len(train)} training samples"),
    )
    for split in (Split.TRAIN, Split.DEV):
        missing = set(data.class_names) - {item.label for item in carved.of(split)}
        if missing:
            raise DatasetError(
                f"cannot carve a dev split: {split} would have no image of {sorted(missing)}; "
                "add images or subjects of that class, or give a dev split"
            )
    return carved


def _grouped_share(samples: Sequence[Sample], *, fraction: float, seed: int) -> list[int]:
    """Return indices of about ``fraction`` of the samples, whole subjects, stratified."""
    from sklearn.model_selection import StratifiedGroupKFold  # costs a second, only carving needs it

    strata = [f"{item.label}/{item.species}" for item in samples]
    counts = Counter(strata)
    groups = [item.subject or f"\0{item.sample_id}" for item in samples]
    folds = max(2, min(round(1 / fraction), len(set(groups))))
    # A stratum of fewer members than folds joins the largest one of its class.
    largest: dict[str, str] = {}
    for name, item in zip(strata, samples, strict=True):
        largest[item.label] = max(name, largest.get(item.label, name), key=lambda key: counts[key])
    merged = [
        name if counts[name] >= folds else largest[item.label]
        for name, item in zip(strata, samples, strict=True)
    ]
    smallest = min(Counter(merged).values())
    if smallest < 2:
        raise DatasetError("cannot carve a dev split: a class has a single image")
    folds = min(folds, smallest)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    _, held_out = next(iter(splitter.split(np.zeros(len(samples)), merged, groups)))
    return [int(index) for index in held_out]


def audit_lines(data: SampleSet) -> tuple[str, ...]:
    """Return one line per split: counts of each class, of each PAI species, and of subjects.

    ``train: 700 images, 40 subjects: attack 420 (print_laser 60, …), bona_fide 280``
    """
    return tuple(_audit_line(split, data) for split in Split if data.of(split))


def _audit_line(split: Split, data: SampleSet) -> str:
    samples = data.of(split)
    parts = []
    for name in data.class_names:
        of_class = [item for item in samples if item.label == name]
        species = Counter(item.species for item in of_class if item.species)
        detail = ", ".join(f"{key} {count}" for key, count in sorted(species.items()))
        parts.append(f"{name} {len(of_class)}" + (f" ({detail})" if detail else ""))
    subjects = {item.subject for item in samples if item.subject}
    who = f"{len(subjects)} subjects" if subjects else "subjects not known, leakage cannot be checked"
    return f"{split}: {len(samples)} images, {who}: {', '.join(parts)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
