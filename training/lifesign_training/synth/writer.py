"""Images and manifest on disk."""

import csv
import errno
import io
import os
from collections.abc import Iterable
from pathlib import Path

from PIL import Image as PilImage

from lifesign.errors import ConflictError, StorageError
from lifesign_training.synth.plan import PlanRow
from lifesign_training.synth.render import Rendered

__all__ = ["COLUMNS", "MANIFEST", "manifest_record", "png_bytes", "prepare_folder", "store", "write_manifest"]

MANIFEST = "manifest.csv"
COLUMNS: tuple[str, ...] = (
    "path", "split", "label", "pai_species", "pai_family", "subject_id", "presentation_id", "skin_tone",
    "device", "lighting", "session", "glasses", "beard", "yaw_deg", "face_x", "face_y", "face_w", "face_h",
    "jpeg_q", "medium", "pitch", "border_visible", "strength", "seed",
)  # fmt: skip
"""Manifest columns in order. Face box in output px; pitch in sensor px; flags are 0 or 1."""


def png_bytes(rendered: Rendered) -> bytes:
    """Return the picture as PNG: the same container for every label, after the same JPEG step."""
    buffer = io.BytesIO()
    PilImage.fromarray(rendered.image).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def prepare_folder(out: Path) -> None:
    """Create the output folder.

    Raises:
        ConflictError: it exists and holds something.
        StorageError: it cannot be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(f"{out} is not empty: expected a new or empty folder (nothing was overwritten)")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage_error(out, error) from error


def store(out: Path, name: str, content: bytes) -> None:
    """Write one file below ``out``.

    Raises:
        StorageError: the disk refused; the message says why.
    """
    target = out / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as error:
        raise _storage_error(target, error) from error


def _storage_error(path: Path, error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"no space left on the disk of {path}: free some, or make a smaller set")
    return StorageError(f"cannot write {path}: {os.strerror(error.errno or errno.EIO)}")


def manifest_record(row: PlanRow, rendered: Rendered) -> dict[str, str]:
    """Return one manifest row, as text, keyed by `COLUMNS`."""
    half = row.size / 2
    face = rendered.face
    left, top = max(0.0, (face.left + 1) * half), max(0.0, (face.top + 1) * half)
    right, bottom = min(row.size, (face.right + 1) * half), min(row.size, (face.bottom + 1) * half)
    return {
        "path": row.path,
        "split": str(row.split),
        "label": row.label,
        "pai_species": row.species,
        "pai_family": row.family,
        "subject_id": row.subject_id,
        "presentation_id": row.presentation_id,
        "skin_tone": row.tone,
        "device": row.device,
        "lighting": row.lighting,
        "session": row.session,
        "glasses": str(int(rendered.glasses)),
        "beard": str(int(rendered.beard)),
        "yaw_deg": f"{rendered.yaw * 57.29578:.1f}",
        "face_x": f"{left:.1f}",
        "face_y": f"{top:.1f}",
        "face_w": f"{right - left:.1f}",
        "face_h": f"{bottom - top:.1f}",
        "jpeg_q": str(rendered.jpeg_quality),
        "medium": rendered.medium,
        "pitch": f"{rendered.pitch:.2f}",
        "border_visible": str(int(rendered.border_visible)),
        "strength": f"{row.strength:.4f}",
        "seed": str(row.seed),
    }


def write_manifest(out: Path, records: Iterable[dict[str, str]]) -> Path:
    """Write the manifest last, so that a set with a manifest is complete."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    store(out, MANIFEST, text.getvalue().encode())
    return out / MANIFEST
