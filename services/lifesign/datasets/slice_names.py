"""Names of slices that no column of a data set has: crosses of two columns, and what is measured."""

from collections.abc import Collection, Iterable

__all__ = ["CROSS", "ESTIMATED_TONE", "MATCH_DECISION", "MEASURED_SLICES", "SKIN_TONE_BAND", "unknown_slices"]

CROSS = "*"
"""What joins two columns to a cross, as in ``--slices 'device,lighting,device*lighting'``."""

SKIN_TONE_BAND = "skin_tone_band"
"""Derived slice: the ten Monk tones in three groups, for when single tones are too few to judge."""

MATCH_DECISION = "match_decision"
"""Column of what a face matcher decided: counted for full-system rates, not searched for groups."""

ESTIMATED_TONE = "estimated_tone"
"""Typology angle of what is in the middle of the image: a proxy of skin tone, and told as an estimate."""

MEASURED_SLICES = ("brightness", "blur", "size", ESTIMATED_TONE)
"""Names of the measured slices; a metadata column of the same name comes before them."""


def unknown_slices(
    wanted: Iterable[str], metadata: Collection[str], *, measured: Collection[str] = MEASURED_SLICES
) -> list[str]:
    """Return the names that are neither a metadata column, nor ``measured``, nor a cross of two such."""
    known = {*metadata, *measured, *((SKIN_TONE_BAND,) if "skin_tone" in metadata else ())}
    return [name for name in wanted if name not in known and not _is_cross(name, known)]


def _is_cross(name: str, known: Collection[str]) -> bool:
    one, cross, other = name.partition(CROSS)
    return bool(cross) and one != other and one in known and other in known
