"""A figure as two files of one name, PNG and SVG; the same figure gives the same bytes."""

from pathlib import Path

from matplotlib.figure import Figure

from lifesign.evaluation.figures.look import png_bytes, svg_bytes
from lifesign_training.storage import storage_errors

__all__ = ["write_figure"]


def write_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write ``name.png`` and ``name.svg`` below ``folder``, which is made if need be.

    Raises:
        StorageError: the disk refused.
    """
    with storage_errors(str(folder / f"{name}.png")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(png_bytes(figure))
        (folder / f"{name}.svg").write_bytes(svg_bytes(figure))
