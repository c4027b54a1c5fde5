"""The columns of a data set, and the names that people give them."""

import pyarrow as pa

__all__ = ["COLUMN_ALIASES", "REQUIRED_COLUMNS", "SAMPLE_SCHEMA", "canonical_column"]

SAMPLE_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("path", pa.string()),
        ("label", pa.string()),
        ("split", pa.string()),
        ("subject_id", pa.string()),
        ("presentation_id", pa.string()),
        ("pai_species", pa.string()),
    ]
)
"""What every data set has, absent values as nulls; any other column is metadata and can be a slice."""

REQUIRED_COLUMNS = ("path", "label")

COLUMN_ALIASES = {
    "sample_id": ("sample_id",),
    "path": ("path", "image", "file", "image_path", "file_path", "filename"),
    "label": ("label", "is_bonafide", "is_bona_fide", "target", "liveness", "class"),
    "split": ("split", "subset"),
    "subject_id": ("subject_id", "subject", "client", "client_id", "user", "user_id", "id"),
    "presentation_id": ("presentation_id", "presentation", "video_id"),
    "pai_species": ("pai_species", "attack_type", "pai", "spoof_type", "species"),
}
"""Canonical column → names it goes by, the preferred first."""

_CANONICAL = {alias: name for name, aliases in COLUMN_ALIASES.items() for alias in aliases}


def canonical_column(name: str) -> str | None:
    """Return the canonical name of a manifest column, ``None`` for metadata."""
    return _CANONICAL.get(name.strip().lower().replace("-", "_").replace(" ", "_"))
