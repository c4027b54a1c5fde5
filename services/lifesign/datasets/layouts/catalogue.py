"""All layouts that are known, and the one that a folder has."""

from lifesign.datasets.layouts.casia_fasd import CASIA_FASD
from lifesign.datasets.layouts.celeba_spoof import CELEBA_SPOOF
from lifesign.datasets.layouts.cifar_100 import CIFAR_100
from lifesign.datasets.layouts.layout import Layout
from lifesign.datasets.layouts.lcc_fasd import LCC_FASD
from lifesign.datasets.layouts.msu_mfsd import MSU_MFSD
from lifesign.datasets.layouts.nuaa import NUAA
from lifesign.datasets.layouts.oulu_npu import OULU_NPU
from lifesign.datasets.layouts.replay_attack import REPLAY_ATTACK
from lifesign.datasets.layouts.rose_youtu import ROSE_YOUTU
from lifesign.datasets.layouts.siw import SIW
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError

__all__ = ["FOLDERS", "LAYOUTS", "detect_layout", "layout_named", "layout_names"]

FOLDERS = "folders"
"""The name for class folders, which need no layout object."""

LAYOUTS = (
    NUAA,
    OULU_NPU,
    CELEBA_SPOOF,
    LCC_FASD,
    REPLAY_ATTACK,
    CASIA_FASD,
    MSU_MFSD,
    SIW,
    ROSE_YOUTU,
    CIFAR_100,
)


def layout_names() -> tuple[str, ...]:
    """Return the words that ``--layout`` takes."""
    return (FOLDERS, *(layout.name for layout in LAYOUTS))


def layout_named(name: str) -> Layout | None:
    """Return a layout by name, ``None`` for class folders.

    Raises:
        DatasetError: no layout has this name; the message lists those there are.
    """
    word = name.strip().lower().replace("_", "-").replace(" ", "-")
    if word == FOLDERS:
        return None
    for layout in LAYOUTS:
        if layout.name == word:
            return layout
    raise DatasetError(f"expected a layout among {', '.join(layout_names())}, got {name!r}")


def detect_layout(tree: Tree) -> Layout | None:
    """Return the layout that a folder has, ``None`` where it has none of them.

    Raises:
        DatasetError: it has several, so somebody must say which is meant.
    """
    found = [layout for layout in LAYOUTS if layout.matches(tree)]
    if len(found) > 1:
        names = ", ".join(layout.name for layout in found)
        raise DatasetError(f"{tree.root}: looks like {names}; choose one with --layout")
    return found[0] if found else None
