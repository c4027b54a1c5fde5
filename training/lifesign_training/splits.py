"""Splits: counted, and carved disjoint by subject where the development split is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lifesign.errors import DatasetError
from lifesign.labels import Split
from lifesign_training.samples import Sample, SampleSet

__all__ = ["audit_lines", "carve_dev"]


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
