"""From the kind of a figure and its sources to the figure, or to a sentence on what is missing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lifesign.errors import ConfigurationError, LifesignError
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.figures.calibration import calibration_figure
from lifesign.evaluation.figures.classes import classes_figure
from lifesign.evaluation.figures.confusion import confusion_figure
from lifesign.evaluation.figures.curves import runs_figure, training_figure
from lifesign.evaluation.figures.decision import decision_of
from lifesign.evaluation.figures.errors import errors_figure
from lifesign.evaluation.figures.filters import chosen_kernel, filters_figure
from lifesign.evaluation.figures.kinds import ClassOrder, FigureKind
from lifesign.evaluation.figures.look import Canvas
from lifesign.evaluation.figures.maps import layer_figure, layers_figure
from lifesign.evaluation.figures.model_files import convolution_kernels, model_title
from lifesign.evaluation.figures.roc import roc_figure
from lifesign.evaluation.figures.saliency import occlusion_figure, occlusion_sensitivity
from lifesign.evaluation.figures.served import AskedModel, asked_model, prepared_picture
from lifesign.evaluation.figures.sources import EvaluationSource, Sources

__all__ = ["FigureOptions", "draw", "draw_all"]

_WALL_CLASSES = 30

_NEEDS = {
    FigureKind.CURVES: "a training run, a history (JSON, CSV), a log or TensorBoard event files",
    FigureKind.CONFUSION: "an evaluation run, a report.json or a file with a confusion matrix",
    FigureKind.ROC: "an evaluation run or a report.json",
    FigureKind.CALIBRATION: "an evaluation run or a report.json",
    FigureKind.CLASSES: "an evaluation run, a report.json or a file with a confusion matrix",
    FigureKind.ERRORS: "an evaluation run or a report.json",
    FigureKind.MAPS: "host:port of a model server",
    FigureKind.FILTERS: "a Keras file, a SavedModel folder or a training run",
    FigureKind.SALIENCY: "host:port of a model server (occlusion), a Keras file or training run (Grad-CAM)",
}


@dataclass(frozen=True)
class FigureOptions:
    """What some kinds need besides a source.

    ``served`` are fields of ``EvaluationConfig`` on the model server; ``target`` is a class, name or number;
    ``patch`` and ``step`` are pixels.
    """

    served: Mapping[str, Any] = field(default_factory=dict)
    image: Path | None = None
    layer: str | None = None
    target: str | None = None
    patch: int | None = None
    step: int | None = None
    order: ClassOrder = ClassOrder.AUTO
    superclasses: Mapping[str, str] | None = None


def draw(kind: FigureKind, sources: Sources, options: FigureOptions) -> Canvas:
    """Return one figure, of the first source that it can be drawn from.

    Raises:
        ConfigurationError: a source or option is missing; the message says which the kind needs.
        LifesignError: a source cannot be used.
    """
    canvas = _DRAWERS[kind](sources, options)
    if canvas is None:
        given = ", ".join(sources.words) or "nothing"
        raise ConfigurationError(f"{kind}: expected {_NEEDS[kind]}, got {given}")
    return canvas


def draw_all(sources: Sources, options: FigureOptions) -> tuple[list[Canvas], list[str]]:
    """Return every figure that the sources allow, and a sentence for each that they do not.

    Raises:
        ConfigurationError: nothing can be drawn.
    """
    found: list[Canvas] = []
    notes: list[str] = []
    for kind in _DRAWERS:
        drawer = _worst_classes if kind is FigureKind.CLASSES else _DRAWERS[kind]
        try:
            canvas = drawer(sources, options)
        except LifesignError as error:
            notes.append(f"{kind}: {error}")
            continue
        if canvas is None:
            notes.append(f"{kind}: not drawn, it needs {_NEEDS[kind]}")
        else:
            found.append(canvas)
    if sources.targets and sources.models:
        # The one above is of the server.
        try:
            found += _class_activation(sources, options)
        except LifesignError as error:
            notes.append(f"saliency of {sources.models[0]}: {error}")
    if not found:
        raise ConfigurationError(f"wall: nothing can be drawn: {'; '.join(notes)}")
    return found, notes


def _curves(sources: Sources, _: FigureOptions) -> Canvas | None:
    known = [one for one in sources.trainings if one.curves is not None]
    if not known:
        return None
    if len(known) == 1:
        return training_figure(known[0])
    runs = {}
    for place, one in enumerate(known, start=1):
        name = one.id or f"run {place}"
        if one.curves is not None:
            runs[name if name not in runs else f"{name} ({place})"] = one.curves
    return runs_figure(runs)


def _confusion(sources: Sources, options: FigureOptions) -> Canvas | None:
    confusion = sources.confusion
    if confusion is None:
        return None
    groups = options.superclasses
    if groups is None and sources.evaluations:
        groups = sources.evaluations[0].superclasses
    return confusion_figure(confusion, order=options.order, superclasses=groups)


def _classes(sources: Sources, _: FigureOptions) -> Canvas | None:
    return None if sources.confusion is None else classes_figure(sources.confusion)


def _worst_classes(sources: Sources, _: FigureOptions) -> Canvas | None:
    return None if sources.confusion is None else classes_figure(sources.confusion, limit=_WALL_CLASSES)


def _of_report(draw_one: Callable[[EvaluationSource], Canvas]) -> "_Drawer":
    def drawer(sources: Sources, _: FigureOptions) -> Canvas | None:
        return draw_one(sources.evaluations[0]) if sources.evaluations else None

    return drawer


def _calibration(source: EvaluationSource) -> Canvas:
    if source.document.calibration is None:
        raise ConfigurationError(
            f"{source.name}: expected a report with scores for calibration, got one without"
        )
    return calibration_figure(source.document.calibration, is_liveness=source.document.pad is not None)


def _errors(source: EvaluationSource) -> Canvas:
    counts = np.asarray(source.document.confusion.counts, np.int64)
    wrong = int(counts.sum() - np.trace(counts))
    is_liveness = source.document.model.task == "liveness"
    return errors_figure(source.document.worst_errors, source.pictures, wrong=wrong, is_liveness=is_liveness)


def _maps(sources: Sources, options: FigureOptions) -> Canvas | None:
    if not sources.targets:
        return None
    model = _asked(FigureKind.MAPS, sources, options)
    image = prepared_picture(_image(FigureKind.MAPS, options), model.model.preprocessing)
    if options.layer is not None:
        return layer_figure(
            image, model.activations(options.layer, image), layer=options.layer, model=model.title
        )
    every = {name: model.activations(name, image) for name in model.layers}
    if len(every) == 1:
        ((name, values),) = every.items()
        return layer_figure(image, values, layer=name, model=model.title)
    return layers_figure(image, every, model=model.title)


def _filters(sources: Sources, options: FigureOptions) -> Canvas | None:
    if not sources.models:
        return None
    path = sources.models[0]
    # On a wall the layer may be one of feature maps.
    kernels = convolution_kernels(path)
    return filters_figure(chosen_kernel(kernels, options.layer), model=model_title(path))


def _saliency(sources: Sources, options: FigureOptions) -> Canvas | None:
    if sources.targets:
        return _occlusion(sources, options)
    return next(_class_activation(sources, options), None)


def _occlusion(sources: Sources, options: FigureOptions) -> Canvas:
    model = _asked(FigureKind.SALIENCY, sources, options)
    image = prepared_picture(_image(FigureKind.SALIENCY, options), model.model.preprocessing)
    names, card = model.model.class_names, model.model.card
    found = occlusion_sensitivity(
        image,
        model.predict,
        side=options.patch,
        step=options.step,
        target=_class_index(options.target, names),
        decide=decision_of(names, None if card is None else card.operating_point()),
    )
    return occlusion_figure(image, found, class_names=names, model=model.title)


def _class_activation(sources: Sources, options: FigureOptions) -> Iterator[Canvas]:
    from lifesign.evaluation.figures.class_activation import class_activation_figure

    for path in sources.models[:1]:
        yield class_activation_figure(
            path,
            _image(FigureKind.SALIENCY, options),
            layer=options.layer,
            target=options.target,
            class_names=options.served.get("class_names"),
            size=options.served.get("image_size"),
        )


def _asked(kind: FigureKind, sources: Sources, options: FigureOptions) -> AskedModel:
    values = dict(options.served)
    record = next((one.record for one in sources.evaluations if one.record is not None), None)
    if values.get("model") is None and record is not None:
        values["model"] = record.model_name
    if values.get("model") is None:
        raise ConfigurationError(f"{kind}: expected --model, the name of the served model, got none")
    return asked_model(evaluation_config(target=sources.targets[0], data=".", out=Path(), **values))


def _image(kind: FigureKind, options: FigureOptions) -> Path:
    if options.image is None:
        raise ConfigurationError(f"{kind}: expected --image, the picture to show to the model, got none")
    return options.image


def _class_index(target: str | None, names: tuple[str, ...]) -> int | None:
    """Return the index of a class given by name or number.

    Raises:
        ConfigurationError: no such class; the message lists those there are.
    """
    if target is None:
        return None
    if target in names:
        return names.index(target)
    if target.isdecimal() and int(target) < len(names):
        return int(target)
    listed = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    raise ConfigurationError(f"--class: expected one of {listed}, got {target!r}")


_Drawer = Callable[[Sources, FigureOptions], Canvas | None]

_DRAWERS: dict[FigureKind, _Drawer] = {
    FigureKind.CURVES: _curves,
    FigureKind.CONFUSION: _confusion,
    FigureKind.CLASSES: _classes,
    FigureKind.ROC: _of_report(lambda source: roc_figure(source.document)),
    FigureKind.CALIBRATION: _of_report(_calibration),
    FigureKind.ERRORS: _of_report(_errors),
    FigureKind.MAPS: _maps,
    FigureKind.SALIENCY: _saliency,
    FigureKind.FILTERS: _filters,
}
