"""The dataset plan: who is photographed, how, and into which split, one row per image.

Every row carries its own seed, hashed from the set's seed and the row's place, so a row's picture
depends neither on its neighbours nor on who renders it.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lifesign.labels import ATTACK, BONA_FIDE, Split, pai_family
from lifesign_training.synth.colour import MONK_TONES
from lifesign_training.synth.options import SynthOptions

__all__ = ["PlanRow", "Subject", "assign_splits", "plan", "subjects"]

_SESSION_LENGTH = 4  # bona fide captures per session


@dataclass(frozen=True)
class Subject:
    """One person of the set."""

    subject_id: str
    seed: int
    tone: str
    split: Split


@dataclass(frozen=True)
class PlanRow:
    """One image to be made; ``species`` is empty for bona fide, ``strength`` is 0 there.

    ``session_seed`` fixes clothes and place, ``seed`` everything else that varies.
    """

    path: str
    split: Split
    label: str
    species: str
    subject_id: str
    subject_seed: int
    attacker_seed: int
    tone: str
    presentation_id: str
    device: str
    lighting: str
    session: str
    session_seed: int
    strength: float
    jpeg_quality: int | None
    size: int
    seed: int

    @property
    def family(self) -> str:
        """Attack family (print, replay, mask); empty for bona fide."""
        return pai_family(self.species) if self.species else ""


def _seed(*parts: object) -> int:
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def assign_splits(tones: list[str], shares: Mapping[Split, float]) -> list[Split]:
    """Give each subject a split so that shares hold overall and, as far as possible, per tone.

    With at least 4 subjects of a tone, each split gets at least one of them. Left-over subjects go
    to the split that is furthest below its share so far; deterministic.
    """
    order = [split for split in Split if split in shares]
    given: Counter[Split] = Counter()
    seen = 0
    chosen: dict[str, list[Split]] = {}
    for tone in sorted(set(tones)):
        count = tones.count(tone)
        seen += count
        parts = {split: int(shares[split] * count + 1e-9) for split in order}
        if count >= 4:
            parts = {split: max(1, part) for split, part in parts.items()}
        while sum(parts.values()) > count:
            parts[max(order, key=lambda split: parts[split])] -= 1
        for _ in range(count - sum(parts.values())):
            behind = {split: shares[split] * seen - given[split] - parts[split] for split in order}
            parts[max(order, key=lambda split: behind[split])] += 1
        given.update(parts)
        chosen[tone] = [split for split in order for _ in range(parts[split])]
    return [chosen[tone].pop(0) for tone in tones]


def subjects(options: SynthOptions) -> list[Subject]:
    """Return the people of a set: tones in turn, splits disjoint and stratified by tone."""
    names = list(MONK_TONES)
    tones = [names[i % len(names)] for i in range(options.subjects)]
    splits = assign_splits(tones, options.splits)
    left = [tone for tone in names if tone not in options.skip_tones]
    people = []
    replaced = 0
    for index, (tone, split) in enumerate(zip(tones, splits, strict=True)):
        if split in options.skip_tones_in and tone in options.skip_tones:
            tone = left[replaced % len(left)]
            replaced += 1
        people.append(
            Subject(f"s{options.seed:03d}-{index:04d}", _seed(options.seed, "subject", index), tone, split)
        )
    return people


def plan(options: SynthOptions) -> list[PlanRow]:
    """Return every image of a set in manifest order: by subject, bona fide first."""
    rows: list[PlanRow] = []
    for index, person in enumerate(subjects(options)):
        rows += [_row(options, person, BONA_FIDE, "", i) for i in range(options.bona_fide_per_subject)]
        for i in range(options.attacks_per_subject):
            # Subjects start at different species, so that all appear equally often.
            species = options.species[(i + index) % len(options.species)]
            rows.append(_row(options, person, ATTACK, species, i))
    return rows


def _row(options: SynthOptions, person: Subject, label: str, species: str, number: int) -> PlanRow:
    seed = _seed(options.seed, person.subject_id, label, species, number)
    rng = np.random.default_rng(seed)
    sessions = max(1, options.bona_fide_per_subject // _SESSION_LENGTH)
    session = int(rng.integers(sessions)) if species else number // _SESSION_LENGTH
    devices = options.devices_of(person.split)
    device = devices[int(rng.random() * len(devices))]
    lighting = options.lightings[int(rng.random() * len(options.lightings))]
    effort = float(rng.uniform(0.25, 1.0)) * options.strength
    drifted = person.split in options.drift_in
    if drifted and options.drift_device is not None:
        device = options.drift_device
    if drifted and options.low_light:
        lighting = "low_light"
    name = f"{person.subject_id}_{species or BONA_FIDE}_{number:03d}"
    return PlanRow(
        path=f"images/{person.split}/{label}/{name}.png",
        split=person.split,
        label=label,
        species=species,
        subject_id=person.subject_id,
        subject_seed=person.seed,
        attacker_seed=_seed(options.seed, "attacker", person.subject_id, number % 2),
        tone=person.tone,
        presentation_id=name,
        device=device,
        lighting=lighting,
        session=f"session{session + 1:02d}",
        session_seed=_seed(options.seed, person.subject_id, "session", session),
        strength=round(effort, 4) if species else 0.0,
        jpeg_quality=options.jpeg_quality if drifted else None,
        size=options.size,
        seed=seed,
    )
