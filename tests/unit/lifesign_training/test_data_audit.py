import hashlib

import numpy as np
import pytest

from lifesign.errors import DatasetError
from lifesign.evaluation.audit.findings import FindingCode
from lifesign.labels import LIVENESS_CLASSES, Split
from lifesign_training.data_audit import audit_decoded, audit_samples, finding_line, refuse_blocking
from lifesign_training.pixels import DecodedSplit
from lifesign_training.samples import UNNAMED_SPECIES, Sample


def _sample(number: int, label: str, split: Split, **known: str) -> Sample:
    species = UNNAMED_SPECIES if label == "attack" else ""
    return Sample(f"{number:04d}.png", label, split, species=species, **known)


def _image(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(40, 220, size=(8, 8, 3)).astype(np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def _decoded(samples: list[Sample], images: list[np.ndarray], files: list[str]) -> list[DecodedSplit]:
    parts = []
    for split in Split:
        rows = [row for row, sample in enumerate(samples) if sample.split is split]
        if rows:
            parts.append(
                DecodedSplit(
                    samples=tuple(samples[row] for row in rows),
                    images=np.stack([images[row] for row in rows]),
                    digests={
                        samples[row].sample_id: hashlib.sha256(files[row].encode()).hexdigest()
                        for row in rows
                    },
                    unreadable=(),
                )
            )
    return parts


def _blocking(findings) -> set[str]:
    return {str(one.code) for one in findings if one.blocks}


_EVERY = [
    _sample(number, label, split)
    for number, (split, label) in enumerate((split, label) for split in Split for label in LIVENESS_CLASSES)
]


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"subject": "ann"}, "subject_across_splits"),
        ({"presentation": "video-1"}, "presentation_across_splits"),
    ],
)
def test_what_is_in_two_splits_stops_before_decoding(known: dict[str, str], code: str) -> None:
    rows = [*_EVERY, _sample(10, "attack", Split.TRAIN, **known), _sample(11, "attack", Split.TEST, **known)]

    findings = audit_samples(rows, LIVENESS_CLASSES)

    assert _blocking(findings) == {code}
    with pytest.raises(DatasetError, match=rf"\[{code}\] 1 of 1 .*--allow-findings"):
        refuse_blocking(findings, allowed=False, allowed_codes=[FindingCode.SAME_IMAGE_TWO_LABELS])
    refuse_blocking(findings, allowed=True)
    refuse_blocking(findings, allowed=False, allowed_codes=[FindingCode(code)])


def test_the_same_subject_number_of_two_data_sets_is_two_people() -> None:
    rows = [
        *_EVERY,
        _sample(10, "attack", Split.TRAIN, subject="1", dataset="casia"),
        _sample(11, "attack", Split.TEST, subject="1", dataset="nuaa"),
    ]

    assert _blocking(audit_samples(rows, LIVENESS_CLASSES)) == set()


@pytest.mark.parametrize(
    ("second", "file", "pixels", "code"),
    [
        (_sample(11, "attack", Split.TEST), "a", 50, "exact_duplicate_across_splits"),
        (_sample(11, "bona_fide", Split.TRAIN), "a", 50, "same_image_two_labels"),
        (_sample(11, "attack", Split.TEST), "b", 50, "near_duplicate_across_splits"),
        (_sample(11, "attack", Split.TEST), "b", 51, None),
        (_sample(11, "attack", Split.TRAIN), "a", 50, None),
    ],
    ids=["same file", "two labels", "same pixels", "another image", "twice in a split"],
)
def test_an_image_twice_is_found_when_decoded(
    second: Sample, file: str, pixels: int, code: str | None
) -> None:
    rows = [*_EVERY, _sample(10, "attack", Split.TRAIN), second]
    images = [*(_image(number) for number in range(len(_EVERY))), _image(50), _image(pixels)]
    files = [*(f"file-{number}" for number in range(len(_EVERY))), "a", file]

    findings = audit_decoded(_decoded(rows, images, files), LIVENESS_CLASSES)

    assert _blocking(findings) == ({code} if code else set())
    if code:
        with pytest.raises(DatasetError, match=r"0010\.png, 0011\.png"):
            refuse_blocking(findings, allowed=False)


def test_a_finding_is_told_in_a_line() -> None:
    rows = [
        *_EVERY,
        *(_sample(10 + place, "attack", split, subject="ann") for place, split in enumerate(Split)),
    ]

    line = finding_line(audit_samples(rows, LIVENESS_CLASSES)[0])

    assert line.startswith(
        "blocking subject_across_splits: 1 of 1 subjects are in more than one split (train, dev"
    )
