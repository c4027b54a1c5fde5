"""Where a model looks: occlusion sensitivity through the server, or Grad-CAM from a Keras file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from lifesign.client import Prediction
from lifesign.errors import ConfigurationError
from lifesign.evaluation.figures.decision import Decide, decision_of
from lifesign.evaluation.figures.look import INK, Canvas, bare, drawn, new_figure

__all__ = [
    "Occlusion",
    "Patch",
    "heat_figure",
    "log_odds",
    "occluded",
    "occlusion_figure",
    "occlusion_sensitivity",
]

_CLIP = 1e-7
Ask = Callable[[NDArray[np.uint8]], Prediction]


@dataclass(frozen=True, slots=True)
class Patch:
    """A square of ``side`` pixels whose upper left corner is at (``top``, ``left``)."""

    top: int
    left: int
    side: int


@dataclass(frozen=True)
class Occlusion:
    """What hiding patches does to the score of one class.

    ``heat`` float64 ``(height, width)`` is the mean drop of the log-odds log(p / (1 − p)) over the patches
    that hide a pixel: positive where the picture speaks for the class. ``before`` and ``after`` are the
    scores, 0–1, of the whole picture and with the most telling patch hidden.
    """

    heat: NDArray[np.float64]
    target: int
    before: float
    after: float
    strongest: Patch
    patches: int


def occlusion_sensitivity(
    image: NDArray[np.uint8],
    predict: Ask,
    *,
    side: int | None = None,
    step: int | None = None,
    target: int | None = None,
    decide: Decide = decision_of((), None),
) -> Occlusion:
    """Hide one patch after another and see how the score falls (Zeiler and Fergus, 2014).

    ``predict`` takes pictures uint8 ``(n, height, width, 3)``; logits are used where it gives them, since
    scores near 1 hide what happens. A patch is a
    square of ``side`` pixels, by default an eighth of the shorter side, in the mean colour of the picture,
    every ``step`` pixels, by default half a patch. ``target`` is a class index, by default the one that
    ``decide`` tells of the scores, without it the largest.

    Raises:
        ConfigurationError: a side, step or class that does not fit.
    """
    height, width = image.shape[:2]
    side = max(2, min(height, width) // 8) if side is None else side
    step = max(1, side // 2) if step is None else step
    if not 1 <= side <= min(height, width):
        raise ConfigurationError(f"patch: expected 1 to {min(height, width)} pixels, got {side}")
    if not 1 <= step <= side:
        raise ConfigurationError(
            f"step: expected 1 to {side} pixels, so that no pixel is left out, got {step}"
        )
    first = predict(image[None])
    whole = first.scores[0]
    chosen = decide(whole) if target is None else target
    if not 0 <= chosen < len(whole):
        raise ConfigurationError(f"class: expected 0 to {len(whole) - 1}, got {chosen}")
    patches = [
        Patch(top, left, side) for top in _places(height, side, step) for left in _places(width, side, step)
    ]
    answers = predict(occluded(image, patches))
    drops = log_odds(first, chosen) - log_odds(answers, chosen)
    heat, times = np.zeros((height, width)), np.zeros((height, width))
    for patch, drop in zip(patches, drops.tolist(), strict=True):
        area = np.s_[patch.top : patch.top + side, patch.left : patch.left + side]
        heat[area] += drop
        times[area] += 1
    most = int(np.argmax(drops))
    return Occlusion(
        heat / times,
        chosen,
        float(whole[chosen]),
        float(answers.scores[most, chosen]),
        patches[most],
        len(patches),
    )


def log_odds(answer: Prediction, target: int) -> NDArray[np.float64]:
    """Return log(p / (1 − p)) of a class, ``(n,)``: of logits exactly, else of scores held to 1e-7."""
    if (
        answer.logits is not None
        and answer.logits.shape == answer.scores.shape
        and answer.scores.shape[1] > 1
    ):
        logits = np.asarray(answer.logits, np.float64)
        others = np.delete(logits, target, axis=1)
        most = others.max(axis=1)
        return np.asarray(
            logits[:, target] - most - np.log(np.exp(others - most[:, None]).sum(axis=1)), np.float64
        )
    held = np.clip(np.asarray(answer.scores[:, target], np.float64), _CLIP, 1 - _CLIP)
    return np.asarray(np.log(held / (1 - held)), np.float64)


def occluded(image: NDArray[np.uint8], patches: Sequence[Patch]) -> NDArray[np.uint8]:
    """Return a copy of the picture per patch, hidden by the mean colour, ``(n, height, width, 3)``."""
    colour = image.reshape(-1, image.shape[-1]).mean(axis=0).round().astype(np.uint8)
    copies = np.repeat(image[None], len(patches), axis=0)
    for copy, patch in zip(copies, patches, strict=True):
        copy[patch.top : patch.top + patch.side, patch.left : patch.left + patch.side] = colour
    return copies


@drawn
def occlusion_figure(
    image: NDArray[np.uint8], occlusion: Occlusion, *, class_names: Sequence[str], model: str
) -> Canvas:
    """Draw the picture, the heat over it, and the patch whose hiding costs most."""
    name = class_names[occlusion.target]
    where = occlusion.strongest
    change = f"{_shown(occlusion.before)} to {_shown(occlusion.after)}"
    figure = _over_picture(
        image,
        occlusion.heat,
        title=f"Hiding one {where.side} × {where.side} patch takes the score of {name} from {change}",
        subtitle=f"{model}, through gRPC; {occlusion.patches} patches in the mean colour of the picture; "
        "red: speaks for it, blue: against",
        label="drop of the log-odds",
        is_signed=True,
    )
    for axes in figure.axes[:2]:
        axes.add_patch(
            Rectangle(
                (where.left - 0.5, where.top - 0.5),
                where.side,
                where.side,
                fill=False,
                edgecolor=INK,
                linewidth=1.6,
            )
        )
    return figure


@drawn
def heat_figure(
    image: NDArray[np.uint8], heat: NDArray[np.floating], *, name: str, score: float, layer: str, model: str
) -> Canvas:
    """Draw a class activation map, ``(height, width)`` of the picture, 0 and above."""
    total = float(heat.sum())
    half = (
        float(np.sort(heat.reshape(-1))[::-1].cumsum().searchsorted(total / 2) + 1) / heat.size
        if total
        else 0
    )
    told = (
        f"half of the weight lies on {half:.0%} of the picture".replace("%", " %")
        if total
        else "no pixel speaks for it"
    )
    return _over_picture(
        image,
        heat,
        title=f"{name} (score {score:.3f}): {told}",
        subtitle=f"{model}; Grad-CAM at layer {layer}",
        label="Grad-CAM, largest = 1",
        is_signed=False,
    )


def _over_picture(
    image: NDArray[np.uint8],
    heat: NDArray[np.floating],
    *,
    title: str,
    subtitle: str,
    label: str,
    is_signed: bool,
) -> Canvas:
    figure = new_figure(8.4, 3.9, title=title, subtitle=subtitle)
    plain, over = figure.subplots(1, 2)
    grey = np.repeat(np.asarray(image, np.float64).mean(axis=-1, keepdims=True), 3, axis=-1)
    for axes in (plain, over):
        bare(axes)
    plain.imshow(image)
    over.imshow((0.35 * 255 + 0.65 * grey).astype(np.uint8))
    limit = float(np.abs(heat).max()) or 1.0
    shown = over.imshow(
        heat,
        cmap="RdBu_r" if is_signed else "inferno",
        vmin=-limit if is_signed else 0,
        vmax=limit,
        alpha=np.clip(np.abs(heat) / limit, 0, 1) ** 0.5 * 0.8,
    )
    bar = figure.colorbar(shown, ax=over, shrink=0.85, label=label)
    bar.outline.set_visible(False)
    plain.set_title("as the model gets it", size=8.5)
    over.set_title("what matters", size=8.5)
    return figure


def _places(size: int, side: int, step: int) -> list[int]:
    """Return where patches begin; the last one ends at the border."""
    places = list(range(0, size - side + 1, step))
    return places if places[-1] == size - side else [*places, size - side]


def _shown(score: float) -> str:
    return f"{score:.3f}" if 0.001 <= score <= 0.999 else f"{score:.2g}" if score < 0.5 else f"{score:.6f}"
