"""Does it matter to the scores who decodes? The same files through the gateway's way and through the graph.

A version answers pixels, which gateway, evaluation and training decode alike, and encoded files, which its
graph decodes. TensorFlow is imported only when asked for.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError, ContractError, ImageError
from lifesign.evaluation.audit.findings import MAX_EXAMPLES, Example, Finding, FindingCode, Severity
from lifesign.evaluation.audit.parity import evenly_spaced, imported_tensorflow
from lifesign.model_card import read_card_file
from lifesign.preprocessing import decode_image, prepare_image
from lifesign.signature import CARD_FILE, ENCODED_IMAGES, IMAGES, SCORES, Signature

__all__ = ["find_score_differences"]

_SAMPLES = 32
# Half a step of a rate told in per cent: more would move a decision near the threshold.
_DIFFERENCE = 0.02


def find_score_differences(
    version: Path,
    ids: Sequence[str],
    paths: Sequence[str],
    read: Callable[[str], bytes],
    *,
    samples: int = _SAMPLES,
) -> list[Finding]:
    """Compare the scores of up to 32 evenly spaced images; report a difference above .02.

    ``version`` is the folder of an exported version. Files that one of the two cannot decode are left out.

    Raises:
        ConfigurationError: TensorFlow is not installed, or the version has no signature for encoded files.
        ContractError: the folder holds no SavedModel.
        NotReadyError: the folder holds no model card.
    """
    card = read_card_file(version / CARD_FILE)
    signatures = _signatures(version)
    differing: list[tuple[float, int]] = []
    compared = 0
    for row in evenly_spaced(len(paths), samples):
        data = read(paths[row])
        try:
            pixels = prepare_image(decode_image(data), card.preprocessing)
        except ImageError:
            continue
        answers = _answers(signatures, pixels, data)
        if answers is None:
            continue
        compared += 1
        difference = float(np.abs(answers[0] - answers[1]).max())
        if difference > _DIFFERENCE:
            differing.append((difference, row))
    if not differing:
        return []
    differing.sort(key=lambda item: (-item[0], item[1]))
    return [
        Finding(
            code=FindingCode.SCORE_PARITY,
            severity=Severity.WARNING,
            blocks=False,
            count=len(differing),
            sentence=f"{len(differing)} of {compared} compared images get another score, by more than "
            f"{_DIFFERENCE:g}, when the graph decodes them; {ids[differing[0][1]]} by {differing[0][0]:.3f}.",
            examples=tuple(
                Example(samples=(ids[row],), note=f"differs by {difference:.3f}")
                for difference, row in differing[:MAX_EXAMPLES]
            ),
            remedy="Send pixels, as gateway and evaluation do, or store the images upright, as 8-bit sRGB; "
            "rates measured one way do not hold for the other.",
        )
    ]


def _signatures(version: Path) -> Any:
    tf = imported_tensorflow("score parity")
    try:
        signatures = tf.saved_model.load(str(version)).signatures
    except (OSError, ValueError) as error:
        raise ContractError(f"{version}: expected an exported version: {error}") from error
    wanted = (Signature.DEFAULT.value, Signature.ENCODED.value)
    if missing := [name for name in wanted if name not in signatures]:
        raise ConfigurationError(f"{version}: the model has no signature {', '.join(missing)} to compare")
    return signatures


def _answers(
    signatures: Any, pixels: NDArray[np.uint8], data: bytes
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return the scores of the pixels and of the file, ``None`` where the graph does not know its format."""
    import tensorflow as tf

    try:
        theirs = signatures[Signature.ENCODED.value](**{ENCODED_IMAGES: tf.constant([data])})
    except tf.errors.InvalidArgumentError:
        return None
    ours = signatures[Signature.DEFAULT.value](**{IMAGES: tf.constant(pixels[np.newaxis])})
    return (
        np.asarray(ours[SCORES].numpy(), dtype=np.float32),
        np.asarray(theirs[SCORES].numpy(), dtype=np.float32),
    )
