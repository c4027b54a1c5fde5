"""Invented prediction tables with known properties: species, subjects, skin tones, drift, bias.

They have the columns of a prediction part of an evaluation run, so reports, gates and alerts can be
tried without a model, a server or an image.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["SKIN_TONES", "SPECIES", "classification_predictions", "liveness_predictions"]

SPECIES = (
    "print_laser",
    "print_inkjet_photo",
    "replay_lcd_monitor",
    "replay_phone_oled",
    "replay_tablet",
    "mask_paper_cutout",
    "mask_rigid_3d",
)
SKIN_TONES = tuple(f"mst{tone:02d}" for tone in range(1, 11))

_DEVICES = ("phone_a", "phone_b", "webcam")
_LIGHTINGS = ("day", "lamp", "dim")
_STATISTIC_LEVELS = {
    "brightness": (0.45, 0.08),
    "contrast": (0.21, 0.04),
    "saturation": (0.32, 0.07),
    "sharpness": (0.09, 0.03),
    "noise": (0.012, 0.004),
    "blockiness": (0.05, 0.03),
    "red_green": (0.06, 0.02),
    "blue_yellow": (-0.08, 0.03),
    "entropy": (7.1, 0.3),
    "typology_angle": (25.0, 20.0),
}


def liveness_predictions(
    seed: int,
    *,
    subjects: int = 60,
    bona_fide_per_subject: int = 6,
    attacks_per_subject: int = 1,
    attack_logits: Mapping[str, float] | None = None,
    bona_fide_logit: float = 3.0,
    tone_shift: Mapping[str, float] | None = None,
    statistic_shift: Mapping[str, float] | None = None,
    no_response_share: float = 0.0,
    score_seed: int | None = None,
    version: int = 1,
) -> pa.Table:
    """Return invented predictions of a liveness model.

    Each subject gives ``bona_fide_per_subject`` bona fide samples and ``attacks_per_subject`` of each
    species. Logits are normal with deviation 1.5 around ``bona_fide_logit`` or ``attack_logits``
    (−3 by default), moved by ``tone_shift`` of the subject's skin tone. ``statistic_shift`` moves image
    statistics, in their own units. ``score_seed`` draws other scores for the same samples.
    """
    rng = np.random.default_rng(seed)
    tones = rng.choice(SKIN_TONES, subjects)
    per_subject: list[str | None] = [*[None] * bona_fide_per_subject, *SPECIES * attacks_per_subject]
    subject = np.repeat(np.arange(subjects), len(per_subject))
    species = per_subject * subjects
    tone = [str(tones[one]) for one in subject]
    count = len(species)
    context = _context(rng, count, statistic_shift or {}, subject)
    no_response = rng.random(count) < no_response_share
    levels = dict.fromkeys(SPECIES, -3.0) | dict(attack_logits or {})
    centre = np.array([bona_fide_logit if one is None else levels[one] for one in species])
    centre += np.array([(tone_shift or {}).get(one, 0.0) for one in tone])
    draw = rng if score_seed is None else np.random.default_rng(score_seed)
    logit = (centre + 1.5 * draw.standard_normal(count)).astype(np.float32)
    logits = np.stack([np.zeros_like(logit), logit], axis=1)
    label = [BONA_FIDE if one is None else ATTACK for one in species]
    return _table(
        label,
        logits,
        no_response,
        version,
        {
            "subject_id": [f"subject-{one:04d}" for one in subject],
            "presentation_id": [f"presentation-{one:06d}" for one in range(count)],
            "pai_species": species,
            "slice_skin_tone": tone,
            **context,
        },
    )


def classification_predictions(
    seed: int,
    *,
    class_names: Sequence[str],
    samples: int = 2000,
    margin: float = 2.5,
    collapse_to: str | None = None,
    no_response_share: float = 0.0,
    version: int = 1,
) -> pa.Table:
    """Return invented predictions of a classifier: the true class is ``margin`` logits above the others.

    With ``collapse_to`` that class is raised by the same margin for every sample.
    """
    rng = np.random.default_rng(seed)
    true = rng.integers(0, len(class_names), samples)
    logits = rng.standard_normal((samples, len(class_names)))
    logits[np.arange(samples), true] += margin
    if collapse_to is not None:
        logits[:, list(class_names).index(collapse_to)] += margin
    no_response = rng.random(samples) < no_response_share
    columns: dict[str, list[Any]] = {
        "subject_id": [None] * samples,
        "presentation_id": [None] * samples,
        "pai_species": [None] * samples,
        **_context(rng, samples, {}, None),
    }
    label = [class_names[int(index)] for index in true]
    return _table(label, logits.astype(np.float32), no_response, version, columns)


def _context(
    rng: np.random.Generator, count: int, shift: Mapping[str, float], subject: NDArray[np.int64] | None
) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "slice_device": [str(one) for one in rng.choice(_DEVICES, count)],
        "slice_lighting": [str(one) for one in rng.choice(_LIGHTINGS, count)],
    }
    for name in IMAGE_STATISTICS:
        mean, deviation = _STATISTIC_LEVELS[name]
        values = mean + deviation * rng.standard_normal(count) + shift.get(name, 0.0)
        if subject is not None:
            values += 0.5 * deviation * rng.standard_normal(int(subject.max()) + 1)[subject]
        columns[f"stat_{name}"] = values.astype(np.float32).tolist()
    return columns


def _table(
    label: list[str],
    logits: NDArray[np.float32],
    no_response: NDArray[np.bool_],
    version: int,
    columns: Mapping[str, list[Any]],
) -> pa.Table:
    count = len(label)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    answered = [not missing for missing in no_response]
    vectors = pa.list_(pa.float32())
    fixed = {
        "sample_id": pa.array([f"sample-{index:06d}" for index in range(count)]),
        "path": pa.array([f"images/{one}/{index:06d}.png" for index, one in enumerate(label)]),
        "label": pa.array(label),
        "scores": pa.array(_where(answered, scores), vectors),
        "logits": pa.array(_where(answered, logits), vectors),
        "outcome": pa.array(["scored" if one else "no_response" for one in answered]),
        "reason": pa.array([None if one else "truncated" for one in answered], pa.string()),
        "detail": pa.array([None if one else "the file ends early" for one in answered], pa.string()),
        "latency_seconds": pa.array(np.full(count, 0.01, dtype=np.float32)),
        "served_version": pa.array([version if one else None for one in answered], pa.int64()),
        "width": pa.array([112 if one else None for one in answered], pa.int32()),
        "height": pa.array([112 if one else None for one in answered], pa.int32()),
        "notes": pa.array([""] * count),
    }
    rest = {}
    for name, values in columns.items():
        kept = values if not name.startswith("stat_") else _where(answered, values)
        rest[name] = pa.array(kept, pa.float32() if name.startswith("stat_") else pa.string())
    return pa.table({**fixed, **rest})


def _where(answered: Sequence[bool], values: Any) -> list[Any]:
    return [value if one else None for one, value in zip(answered, values, strict=True)]
