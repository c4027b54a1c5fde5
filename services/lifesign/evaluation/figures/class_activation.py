"""Grad-CAM of a picture from a Keras file or a training run, with the run's classes and preparation."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import ValidationError

from lifesign.errors import ConfigurationError
from lifesign.evaluation.figures.decision import decision_of
from lifesign.evaluation.figures.look import Canvas
from lifesign.evaluation.figures.model_files import grad_cam, input_size, model_title
from lifesign.evaluation.figures.saliency import heat_figure
from lifesign.evaluation.figures.served import prepared_picture
from lifesign.model_card import OperatingPoint
from lifesign.preprocessing import PreprocessingSpec

__all__ = ["class_activation_figure"]


def class_activation_figure(
    path: Path,
    picture: Path,
    *,
    layer: str | None,
    target: str | None,
    class_names: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
) -> Canvas:
    """Draw where the last convolution speaks for a class, by default the decided one.

    Size and class names are those given, else those that the run folder beside the model tells; it tells the
    threshold as well, which the card of an export has from there.

    Raises:
        ConfigurationError: a size that nothing tells, a class or layer that is not there.
        InputError: no Keras model, or one without feature maps.
        ImageError: the picture cannot be read.
    """
    config = _run_file(path, "config.json")
    names = tuple(class_names or config.get("class_names") or ())
    spec = _preparation(path, config, size)
    image = prepared_picture(picture, spec)
    decide = decision_of(names, _operating_point(_run_file(path, "summary.json")))
    found = grad_cam(path, image, layer=layer, target=_index(target, names), decide=decide)
    name = names[found.target] if found.target < len(names) else f"class {found.target}"
    heat = Image.fromarray(found.heat.astype(np.float32))
    smooth = np.asarray(heat.resize((spec.width, spec.height), Image.Resampling.BILINEAR), np.float64)
    return heat_figure(
        image, smooth, name=name, score=found.score, layer=found.layer, model=model_title(path)
    )


def _preparation(path: Path, config: dict[str, Any], size: tuple[int, int] | None) -> PreprocessingSpec:
    told = (config.get("recipe") or {}).get("preprocessing")
    if size is None and told is not None:
        try:
            return PreprocessingSpec.model_validate(told)
        except ValidationError:
            pass  # a recipe of another release: the model's own size will do
    known = size or input_size(path)
    if known is None:
        raise ConfigurationError(f"{path} takes pictures of any size: expected --image-size HEIGHTxWIDTH")
    return PreprocessingSpec(height=known[0], width=known[1])


def _operating_point(summary: dict[str, Any]) -> OperatingPoint | None:
    """Return the point that an export of the run would decide by."""
    default = summary.get("default_operating_point")
    told = next((one for one in summary.get("operating_points") or () if one.get("id") == default), None)
    try:
        return None if told is None else OperatingPoint.model_validate(told)
    except ValidationError:
        return None  # a run of another release


def _run_file(path: Path, name: str) -> dict[str, Any]:
    folder = path if path.is_dir() else path.parent
    try:
        found = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _index(target: str | None, names: Sequence[str]) -> int | None:
    if target is None:
        return None
    if target in names:
        return list(names).index(target)
    if target.isdecimal():
        return int(target)
    raise ConfigurationError(f"--class: expected one of {', '.join(names) or 'its numbers'}, got {target!r}")
