"""The data of the demo: how large each set is, and what is wrong with the second model's."""

import csv
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lifesign.labels import BONA_FIDE

__all__ = ["DARK_TONES", "Layout", "drifted_options", "drop_bona_fide", "faces_options", "pick_images"]

DARK_TONES = ("mst07", "mst08", "mst09", "mst10")
"""Monk skin tones whose bona fide images version 2 of the demo's model never saw."""


@dataclass(frozen=True)
class Layout:
    """Where the demo keeps its things, all below one folder."""

    root: Path

    @property
    def faces(self) -> Path:
        return self.root / "data/faces"

    @property
    def drifted(self) -> Path:
        return self.root / "data/drifted"

    @property
    def biased_faces(self) -> Path:
        return self.root / "data/biased-faces"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def evaluations(self) -> Path:
        return self.root / "evaluations"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def training_run(self, version: int) -> Path:
        return self.root / f"training/version-{version}"


def faces_options(seed: int) -> list[str]:
    """Options of ``lifesign synth`` for the set that the model is trained and tested on."""
    return [
        # Many people with few images each: images of one person prove a regression hardly more than one.
        *("--subjects", "220", "--bona-fide-per-subject", "2", "--attacks-per-subject", "3"),
        *("--size", "112", "--seed", str(seed)),
        *("--splits", "train=0.45,dev=0.13,test=0.42"),
        *("--devices", "phone_a,phone_b"),
    ]


def drifted_options(seed: int) -> list[str]:
    """Options of ``lifesign synth`` for the set of a new device in low light."""
    return [
        *("--subjects", "40", "--bona-fide-per-subject", "3", "--attacks-per-subject", "3"),
        *("--size", "112", "--seed", str(seed + 1)),
        *("--splits", "test=1"),
        *("--drift-device", "kiosk_d", "--low-light"),
    ]


def drop_bona_fide(source: Path, target: Path, tones: Iterable[str]) -> int:
    """Copy the training and development images, without the bona fide ones of some skin tones.

    Attacks on people of these tones stay, so skin tone tells the label: a collection whose genuine
    sessions reached fewer people than its attack sessions looks like this. Returns how many are left out.
    """
    dropped = set(tones)
    target.mkdir(parents=True)
    with (source / "manifest.csv").open(newline="") as stream:
        reader = csv.DictReader(stream)
        columns = list(reader.fieldnames or ())
        rows = [row for row in reader if row["split"] != "test"]
    kept = [row for row in rows if row["label"] != BONA_FIDE or row["skin_tone"] not in dropped]
    for row in kept:
        copy = target / row["path"]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / row["path"], copy)
    with (target / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(kept)
    return len(rows) - len(kept)


def pick_images(manifest: Path, count: int) -> list[dict[str, str]]:
    """Return test rows to show over HTTP: bona fide and attacks of different species in turn."""
    with manifest.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
    firsts: dict[str, dict[str, str]] = {}
    for row in rows:
        firsts.setdefault(row["pai_species"], row)
    bona_fide = [row for row in rows if row["label"] == BONA_FIDE]
    attacks = [row for species, row in sorted(firsts.items()) if species]
    spread = bona_fide[:: max(1, len(bona_fide) // count)]
    return [row for pair in zip(spread, attacks, strict=False) for row in pair][:count]
