"""A tiny labelled set that ``FakeModelServer`` can tell apart: bona fide images are the brighter ones."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["write_brightness_folders", "write_brightness_image", "write_brightness_manifest"]

_SPECIES = ("print_laser", "replay_tablet")
_DEVICES = ("phone_a", "phone_b")
_LEVEL = {ATTACK: 110.0, BONA_FIDE: 145.0}


def write_brightness_manifest(root: Path, *, samples: int, seed: int = 0, size: int = 32) -> Path:
    """Write ``samples`` PNG images and a ``manifest.csv``; half are attacks, a few overlap; return its path.

    Columns: path, split (all test), label, pai_species, subject_id, presentation_id, device, face_x.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(samples):
        label = BONA_FIDE if index % 2 else ATTACK
        path = f"images/{label}/{index:05d}.png"
        write_brightness_image(root / path, rng, label, size)
        rows.append(
            {
                "path": path,
                "split": "test",
                "label": label,
                "pai_species": _SPECIES[index // 2 % len(_SPECIES)] if label == ATTACK else "",
                "subject_id": f"subject-{index // 8:03d}",
                "presentation_id": f"presentation-{index:05d}",
                "device": _DEVICES[index // 4 % len(_DEVICES)],
                "face_x": f"{index % 7 + 0.5}",
            }
        )
    manifest = root / "manifest.csv"
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def write_brightness_folders(
    root: Path,
    *,
    per_class: int,
    bona_fide: str = "real",
    attack: str = "fake",
    seed: int = 0,
    size: int = 32,
) -> Path:
    """Write ``root/<bona_fide>`` and ``root/<attack>/<species>`` with ``per_class`` PNG images each."""
    rng = np.random.default_rng(seed)
    for index in range(per_class):
        write_brightness_image(root / bona_fide / f"{index:05d}.png", rng, BONA_FIDE, size)
        species = _SPECIES[index % len(_SPECIES)]
        write_brightness_image(root / attack / species / f"{index:05d}.png", rng, ATTACK, size)
    return root


def write_brightness_image(path: Path, rng: np.random.Generator, label: str, size: int) -> None:
    """Write one image of ``size`` × ``size`` pixels, in the format of the path's suffix."""
    level = rng.normal(_LEVEL[label], 12.0)
    pixels = np.clip(rng.normal(level, 8.0, (size, size, 3)), 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
