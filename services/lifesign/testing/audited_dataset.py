"""A small labelled set without a fault, for tests that build one fault into it."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["AuditedDataset", "write_audited_dataset"]

_SPECIES = ("print_laser", "replay_tablet")
_PER_SPECIES = {"train": 24, "dev": 12, "test": 30}
_SUBJECTS = {"train": 12, "dev": 6, "test": 10}
_SIDE = 64

Row = dict[str, str]


@dataclass
class AuditedDataset:
    """The rows of a manifest, to be changed, and the folder of its images; ``save`` writes the manifest."""

    root: Path
    rows: list[Row] = field(default_factory=list)

    def of(self, split: str, label: str = "", species: str = "") -> list[Row]:
        """Return the rows of a split, class and species, the same objects."""
        return [
            row
            for row in self.rows
            if row["split"] == split and label in ("", row["label"]) and species in ("", row["pai_species"])
        ]

    def image(self, row: Row) -> Image.Image:
        """Return the image of a row."""
        with Image.open(self.root / row["path"]) as image:
            return image.convert("RGB")

    def add(self, like: Row, path: str, image: Image.Image | bytes, **changes: str) -> None:
        """Add a row like another with an image of its own, of nobody and no presentation known so far."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(image, bytes):
            place.write_bytes(image)
        else:
            image.save(place)
        alone = {"subject_id": f"alone-{len(self.rows)}", "presentation_id": f"alone-{len(self.rows)}"}
        self.rows.append({**like, "path": path, **alone, **changes})

    def save(self) -> Path:
        """Write the manifest and return the folder."""
        with (self.root / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        return self.root


def write_audited_dataset(
    root: Path,
    *,
    seed: int = 0,
    paint: Callable[[NDArray[np.float64], str], NDArray[np.float64]] | None = None,
) -> AuditedDataset:
    """Write images of random patches that tell nothing of their labels, in three splits.

    Columns: path, split, label, pai_species, subject_id, presentation_id, device, skin_tone, all balanced.
    ``paint`` may change the pixels, float64 ``(64, 64, 3)``, by the label.
    """
    rng = np.random.default_rng(seed)
    dataset = AuditedDataset(root)
    number = 0
    for split, per_species in _PER_SPECIES.items():
        for species in ("", "", *_SPECIES):
            for place in range(per_species):
                label = "attack" if species else "bona_fide"
                pixels = _patches(rng)
                row = {
                    "path": f"images/{split}/{label}/{number:05d}.png",
                    "split": split,
                    "label": label,
                    "pai_species": species,
                    "subject_id": f"{split}-{place % _SUBJECTS[split]:02d}",
                    "presentation_id": f"show-{number:05d}",
                    "device": _turn(("phone_a", "phone_b"), number),
                    "skin_tone": _turn(("mst02", "mst05", "mst08"), number),
                }
                path = root / row["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                painted = pixels if paint is None else paint(pixels, label)
                Image.fromarray(np.clip(painted, 0, 255).astype(np.uint8)).save(path)
                dataset.rows.append(row)
                number += 1
    return dataset


def _turn(words: Sequence[str], number: int) -> str:
    return words[number % len(words)]


def _patches(rng: np.random.Generator) -> NDArray[np.float64]:
    level = rng.uniform(70, 180, size=3)
    coarse = rng.normal(0, 35, size=(8, 8, 3)) + level
    image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8)).resize(
        (_SIDE, _SIDE), Image.Resampling.BICUBIC
    )
    return np.asarray(image, np.float64) + rng.normal(0, 4, size=(_SIDE, _SIDE, 3))
