"""CelebA-Spoof: ``Data/{train,test}/<subject>/{live,spoof}/<id>``, labels in ``metas/<protocol>/*.json``.

A label is 44 numbers: 40 CelebA attributes, the spoof type, the illumination, the environment, live or
spoof. Attributes are zeros for spoof images, light and environment zeros for live ones: each subject's sex,
age and glasses are taken from most of its live images, the other two are known of attacks only.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from lifesign.datasets.layouts.boxes import read_boxes
from lifesign.datasets.layouts.layout import Layout, LayoutRows, Rejection, UnusableError, sample_row
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.tree import Tree
from lifesign.errors import DatasetError

__all__ = ["CELEBA_SPOOF"]

_TITLE = "CelebA-Spoof"
_WHOLE = "intra_test"
_PROTOCOLS = (_WHOLE, "protocol1", "protocol2")
_PATH = re.compile(r"(?:^|/)Data/(?P<split>train|test)/(?P<subject>\d+)/(?P<kind>live|spoof)/[^/]+$")
_FOLDER = re.compile(r"(?:^|/)Data/(train|test)/\d+/(live|spoof)$")
_TYPE, _LIGHT, _PLACE, _SPOOF, _LENGTH = 40, 41, 42, 43, 44
_SPECIES = {
    1: "print_photo",
    2: "print_poster",
    3: "print_a4",
    4: "mask_face",
    5: "mask_upper_body",
    6: "mask_region",
    7: "replay_pc",
    8: "replay_pad",
    9: "replay_phone",
    10: "mask_3d",
}
_LIGHTS = {1: "normal", 2: "strong", 3: "back", 4: "dark"}
_PLACES = {1: "indoor", 2: "outdoor"}
# Place in the order of CelebA's attributes, and the words for 1 and 0.
_TRAITS = {"glasses": (15, "with", "without"), "sex": (20, "male", "female"), "age": (39, "young", "old")}

Labels = Mapping[str, tuple[str, Sequence[int]]]


def _matches(tree: Tree) -> bool:
    return any(_FOLDER.search(folder) for folder in tree.folders)


def _read(tree: Tree, protocol: str | None) -> LayoutRows:
    base, name = _metas(tree, protocol)
    rejections: list[Rejection] = []
    labels = dict(_labels(tree, base, name, rejections))
    traits = _traits(labels)
    rows: list[dict[str, str | None]] = []
    for path, (split, numbers) in labels.items():
        try:
            rows.append(_row(path, split, numbers, traits))
        except UnusableError as problem:
            rejections.append(Rejection(path, str(problem)))
    known = {row["path"] for row in rows} | {one.sample for one in rejections}
    unlisted = [path for path in tree.images if path not in known and _PATH.search(path)]
    if name == _WHOLE:
        rejections += [Rejection(path, f"no label in metas/{name}") for path in unlisted]
    boxes, box_notes = read_boxes(tree, [str(row["path"]) for row in rows])
    notes = (
        f"labels of metas/{name}; there is no development split; training carves one from train, by subject",
        *((f"{len(unlisted)} images are not in this protocol",) if unlisted and name != _WHOLE else ()),
        *box_notes,
    )
    return LayoutRows(
        RowTable(row | box for row, box in zip(rows, boxes, strict=True)), tuple(rejections), notes
    )


def _metas(tree: Tree, protocol: str | None) -> tuple[str, str]:
    """Return the folder that holds ``Data`` and ``metas``, with a slash, and the protocol to use."""
    found = {
        match[2]: match[1]
        for path in tree.files
        if (match := re.search(r"^(|.*/)metas/([^/]+)/(?:train|test)_label\.json$", path))
    }
    name = protocol or next((one for one in _PROTOCOLS if one in found), None)
    if name is None or name not in found:
        raise DatasetError(
            f"{tree.root}: {_TITLE}: expected metas/{name or _PROTOCOLS[0]}/train_label.json or "
            f"test_label.json, got {', '.join(sorted(found)) or 'no such file'}"
        )
    return found[name], name


def _labels(
    tree: Tree, base: str, name: str, rejections: list[Rejection]
) -> Iterator[tuple[str, tuple[str, Sequence[int]]]]:
    seen: dict[str, str] = {}
    for split in ("train", "test"):
        place = f"{base}metas/{name}/{split}_label.json"
        if place not in tree.files:
            continue
        try:
            # As pairs: a mapping would silently keep the last of two labels of one path.
            content = json.loads(tree.text(place), object_pairs_hook=tuple)
        except ValueError as error:
            raise DatasetError(f"{tree.root}/{place}: expected JSON: {error}") from error
        if not isinstance(content, tuple):
            raise DatasetError(f"{tree.root}/{place}: expected a mapping from path to labels")
        for path, numbers in content:
            if base + path in seen:
                again = "listed twice" if seen[base + path] == split else "listed in train and in test"
                rejections.append(Rejection(base + path, again))
                continue
            seen[base + path] = split
            yield base + path, (split, numbers)


def _row(
    path: str, split: str, numbers: Sequence[int], traits: Mapping[str, Mapping[str, str]]
) -> dict[str, str | None]:
    match = _PATH.search(path)
    if match is None:
        raise UnusableError("not Data/{train,test}/<subject>/{live,spoof}/<id>")
    if not _is_label(numbers):
        raise UnusableError(f"expected {_LENGTH} whole numbers as label")
    kind, is_spoof = numbers[_TYPE], numbers[_SPOOF] == 1
    if is_spoof != (match["kind"] == "spoof"):
        raise UnusableError(f"label {numbers[_SPOOF]} in the folder {match['kind']}")
    if is_spoof != (kind in _SPECIES):
        raise UnusableError(f"spoof type {kind} with label {numbers[_SPOOF]}")
    row = sample_row(
        path,
        dataset="celeba-spoof",
        species=_SPECIES[kind] if is_spoof else None,
        split=split,
        subject=match["subject"],
        lighting=_LIGHTS.get(numbers[_LIGHT]) if is_spoof else None,
        environment=_PLACES.get(numbers[_PLACE]) if is_spoof else None,
    )
    return row | {name: traits.get(match["subject"], {}).get(name) for name in _TRAITS}


def _is_label(numbers: object) -> bool:
    return (
        isinstance(numbers, list) and len(numbers) == _LENGTH and all(isinstance(one, int) for one in numbers)
    )


def _traits(labels: Labels) -> dict[str, dict[str, str]]:
    """Return the traits of each subject by most of its live images; none where they tie."""
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path, (_, numbers) in labels.items():
        match = _PATH.search(path)
        if match is None or not _is_label(numbers) or numbers[_SPOOF] != 0:
            continue
        votes[match["subject"]].update(
            {name: 1 if numbers[place] == 1 else -1 for name, (place, _, _) in _TRAITS.items()}
        )
    return {
        subject: {
            name: yes if count[name] > 0 else no for name, (_, yes, no) in _TRAITS.items() if count[name]
        }
        for subject, count in votes.items()
    }


CELEBA_SPOOF = Layout("celeba-spoof", _TITLE, _matches, _read, _PROTOCOLS)
