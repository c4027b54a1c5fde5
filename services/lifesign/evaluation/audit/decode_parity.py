"""Do other decoders see the same pixels? PIL, which every part of Lifesign uses, against TensorFlow's JPEG.

Matters to those who decode inside a graph (the ``encoded`` signature) or in another program. TensorFlow is
imported only when asked for.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lifesign.errors import ImageError
from lifesign.evaluation.audit.findings import Example, Finding, FindingCode, Severity
from lifesign.evaluation.audit.parity import evenly_spaced, imported_tensorflow
from lifesign.preprocessing import decode_image

__all__ = ["find_decode_differences"]

_SAMPLES = 32
# Two DCTs differ by a level or two here and there; a forgotten rotation or colour space by tens.
_MEAN_LEVELS = 2.0


def find_decode_differences(
    ids: Sequence[str], paths: Sequence[str], read: Callable[[str], bytes], *, samples: int = _SAMPLES
) -> list[Finding]:
    """Compare up to 32 evenly spaced images that TensorFlow can decode; report a mean difference of 2 levels.

    Raises:
        ConfigurationError: TensorFlow is not installed.
    """
    tf = imported_tensorflow("decode parity")
    differing: list[tuple[float, int, str]] = []
    compared = 0
    for row in evenly_spaced(len(paths), samples):
        try:
            data = read(paths[row])
            ours = np.asarray(decode_image(data).image, np.int16)
            theirs = np.asarray(
                tf.io.decode_image(data, channels=3, expand_animations=False).numpy(), np.int16
            )
        except (ImageError, tf.errors.InvalidArgumentError):
            continue
        compared += 1
        if ours.shape != theirs.shape:
            words = f"{ours.shape[1]} × {ours.shape[0]} here, {theirs.shape[1]} × {theirs.shape[0]} there"
            differing.append((255.0, row, words))
        elif (mean := float(np.abs(ours - theirs).mean())) >= _MEAN_LEVELS:
            differing.append((mean, row, f"{mean:.1f} levels on average"))
    if not differing:
        return []
    differing.sort(key=lambda item: (-item[0], item[1]))
    return [
        Finding(
            code=FindingCode.DECODE_PARITY,
            severity=Severity.WARNING,
            blocks=False,
            count=len(differing),
            sentence=f"{len(differing)} of {compared} compared images are other pixels when TensorFlow "
            f"decodes them; {ids[differing[0][1]]}: {differing[0][2]}.",
            examples=tuple(Example(samples=(ids[row],), note=words) for _, row, words in differing[:8]),
            remedy="Decode with lifesign.preprocessing only, or store the images upright, as 8-bit sRGB.",
        )
    ]
