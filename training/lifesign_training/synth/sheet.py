"""A contact sheet: one row per species, one column per skin tone, light to dark."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from lifesign.errors import ConfigurationError, StorageError
from lifesign.labels import BONA_FIDE
from lifesign_training.synth.colour import MONK_TONES
from lifesign_training.synth.options import SPECIES

__all__ = ["check_sheet_path", "contact_sheet", "write_sheet"]

_LABEL_WIDTH, _HEADER, _GAP = 150, 22, 2
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


def contact_sheet(root: Path, records: Sequence[Mapping[str, str]], size: int) -> PilImage.Image:
    """Return the sheet of a set at ``root``; cells without an image stay grey."""
    first: dict[tuple[str, str], str] = {}
    for record in records:
        kind = record["pai_species"] or BONA_FIDE
        first.setdefault((kind, record["skin_tone"]), record["path"])
    found = {kind for kind, _ in first}
    kinds = [kind for kind in (BONA_FIDE, *SPECIES) if kind in found]
    tones = list(MONK_TONES)
    cell = size + _GAP
    sheet = PilImage.new("RGB", (_LABEL_WIDTH + cell * len(tones), _HEADER + cell * len(kinds)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for column, tone in enumerate(tones):
        draw.text((_LABEL_WIDTH + column * cell + size // 2, _HEADER // 2), tone, _INK, font, anchor="mm")
    for line, kind in enumerate(kinds):
        top = _HEADER + line * cell
        draw.text((_LABEL_WIDTH - 8, top + size // 2), kind, _INK, font, anchor="rm")
        for column, tone in enumerate(tones):
            left = _LABEL_WIDTH + column * cell
            path = first.get((kind, tone))
            if path is None:
                draw.rectangle((left, top, left + size - 1, top + size - 1), fill=(225, 225, 225))
                continue
            with PilImage.open(root / path) as picture:
                sheet.paste(picture, (left, top))
    return sheet


def check_sheet_path(path: Path) -> None:
    """Refuse a path that cannot hold the sheet, before any image is rendered.

    Raises:
        ConfigurationError: not a ``.png`` name, or its folder does not exist.
    """
    if path.suffix.lower() != ".png":
        raise ConfigurationError(f"sheet: expected a name that ends in .png, got {path.name!r}")
    if not path.parent.is_dir():
        raise ConfigurationError(f"sheet: expected an existing folder, got {path.parent}")


def write_sheet(path: Path, root: Path, records: Sequence[Mapping[str, str]], size: int) -> None:
    """Write the contact sheet of the set at ``root`` as PNG.

    Raises:
        StorageError: the disk refused.
    """
    try:
        contact_sheet(root, records, size).save(path, "PNG")
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
