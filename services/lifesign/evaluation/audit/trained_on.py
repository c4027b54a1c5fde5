"""What a model was trained on, kept beside its card: enough to know an image or a person again, no more.

Digests are the first 64 bits of a SHA-256: 8 bytes for each image, and chance agreement of any of 10^6
test images with any of 10^6 training images has a probability of 10^-7.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ContractError, StorageError

__all__ = ["TRAINED_ON_FILE", "TrainedOn", "file_fingerprint", "read_trained_on", "subject_fingerprint"]

TRAINED_ON_FILE: Final = "assets.extra/trained_on.json"
"""Where a version folder keeps it."""

_VERSION = 1


@dataclass(frozen=True, eq=False)
class TrainedOn:
    """Fingerprints of images and subjects of the training and development splits, uint64, sorted.

    ``qualified`` tells whether subjects are named with their data set; else number 1 may be anybody.
    """

    images: NDArray[np.uint64]
    subjects: NDArray[np.uint64]
    qualified: bool

    @classmethod
    def of(cls, file_digests: Iterable[str], subjects: Iterable[str], *, qualified: bool) -> Self:
        """Return the record of hex SHA-256 of files, and of the subjects' names."""
        return cls(
            np.unique(np.array([file_fingerprint(one) for one in file_digests], np.uint64)),
            np.unique(np.array([subject_fingerprint(one) for one in set(subjects)], np.uint64)),
            qualified,
        )

    def to_json(self) -> str:
        """Return the record as JSON, the fingerprints big-endian in base64."""
        return (
            json.dumps(
                {
                    "schema_version": _VERSION,
                    "images": _text(self.images),
                    "subjects": _text(self.subjects),
                    "qualified": self.qualified,
                }
            )
            + "\n"
        )


def file_fingerprint(hex_digest: str) -> int:
    """Return the first 64 bits of a hex SHA-256."""
    return int(hex_digest[:16], 16)


def subject_fingerprint(name: str) -> int:
    """Return 64 bits of a subject's name; names are not kept."""
    return file_fingerprint(hashlib.sha256(name.encode()).hexdigest())


def read_trained_on(path: Path) -> TrainedOn | None:
    """Read the record, ``None`` where there is none: models of other makes, and of before.

    Raises:
        StorageError: it cannot be read.
        ContractError: it is something else.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["schema_version"] != _VERSION:
            raise ContractError(
                f"{path}: expected schema_version {_VERSION}, got {document['schema_version']!r}"
            )
        return TrainedOn(
            _array(document["images"]), _array(document["subjects"]), bool(document["qualified"])
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path}: expected the record of a training, got other JSON: {error}") from error


def _text(values: NDArray[np.uint64]) -> str:
    return base64.b64encode(values.astype(">u8").tobytes()).decode("ascii")


def _array(text: str) -> NDArray[np.uint64]:
    return np.frombuffer(base64.b64decode(text, validate=True), ">u8").astype(np.uint64)
