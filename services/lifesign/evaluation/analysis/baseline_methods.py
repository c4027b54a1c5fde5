"""The plain methods that the model card tells of, for one evaluation."""

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.rates import accuracy_value, rate_row
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.report.document import BaselineMethodDocument, MethodFigures
from lifesign.model_card import BaselineMethod, MethodResult, ModelCard

__all__ = ["baseline_methods"]


def baseline_methods(
    card: ModelCard | None, spec: AnalysisSpec, *, images_digest: str
) -> tuple[BaselineMethodDocument, ...]:
    """Return each method of the card once: on the split with these images, else on test, else on dev."""
    if card is None:
        return ()
    digest = images_digest if spec.aggregate is Aggregation.NONE else ""
    chosen: dict[str, tuple[bool, BaselineMethod]] = {}
    for method in card.baselines:
        found = (bool(digest) and method.images_digest == digest, method)
        if method.name not in chosen or _preference(found) > _preference(chosen[method.name]):
            chosen[method.name] = found
    return tuple(
        BaselineMethodDocument(
            name=method.name,
            about=method.about,
            split=method.split,
            same_images=is_same,
            figures=_figures(method.result),
            network=None if method.network is None else _figures(method.network),
        )
        for is_same, method in chosen.values()
    )


def _preference(found: tuple[bool, BaselineMethod]) -> tuple[bool, bool]:
    is_same, method = found
    return is_same, method.split == "test"


def _figures(result: MethodResult) -> MethodFigures:
    return MethodFigures(
        samples=result.samples,
        accuracy=accuracy_value(rate_row(Rate(result.errors, result.samples))),
        balanced_accuracy=result.balanced_accuracy,
        recalls=result.recalls,
        confusion=result.confusion,
    )
