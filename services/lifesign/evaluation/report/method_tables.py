"""The network of a report beside a plain method: a column for each, with the set that it is of."""

from dataclasses import dataclass

from lifesign.evaluation.report.document import (
    BaselineMethodDocument,
    ConfusionDocument,
    MethodFigures,
    ReportDocument,
    Value,
)
from lifesign.evaluation.report.headline import limits_text
from lifesign.evaluation.report.matrices import Matrix, class_matrix
from lifesign.evaluation.report.wording import capital, percent

__all__ = ["MethodColumn", "MethodTable", "method_table"]

_FEW = 12  # classes up to which recalls and matrix are shown openly and as numbers
_SPLITS = {"dev": "development split", "test": "test split"}


@dataclass(frozen=True)
class MethodColumn:
    """One method on one set; ``recalls`` in the order of the table's classes, as people read them."""

    name: str
    measured: str
    samples: int
    accuracy: str
    interval: str
    balanced_accuracy: str
    recalls: tuple[str, ...]


@dataclass(frozen=True)
class MethodTable:
    """A table with a row for each number; ``matrix`` is that of the plain method."""

    name: str
    about: str
    comparability: str
    class_names: tuple[str, ...]
    columns: tuple[MethodColumn, ...]
    matrix: Matrix | None

    @property
    def is_long(self) -> bool:
        """Whether the recalls are folded away."""
        return len(self.class_names) > _FEW


def method_table(document: ReportDocument, method: BaselineMethodDocument) -> MethodTable:
    """Return a column for this evaluation, then one for each that the training measured.

    Of the same images the network's own column is left out: it is the network that was served.
    """
    names, split = document.confusion.class_names, _SPLITS[method.split]
    columns = [_in_evaluation(document)]
    if method.network is not None and not method.same_images:
        columns.append(_in_training("Network", split, method.network, names))
    columns.append(_in_training(capital(method.name), split, method.figures, names))
    return MethodTable(
        method.name,
        method.about,
        _comparability(document, method),
        names,
        tuple(columns),
        _matrix(names, method.figures),
    )


def _comparability(document: ReportDocument, method: BaselineMethodDocument) -> str:
    split = _SPLITS[method.split]
    said = f"Measured in training on its {split}"
    if method.same_images:
        said += ": the same images as in this evaluation, with the same labels."
    elif method.network is not None:
        said += ", which is not known to be this set: compare it with the network's own column there."
    else:
        said += ", which is not known to be this set: the columns cannot be compared."
    if method.split == "dev":
        said += " The epoch of the network was chosen on that split, which favours the network."
    if document.confusion.decision != "argmax":
        said += f" Here the decision is {document.confusion.decision}, in training it was the larger score."
    return said


def _in_evaluation(document: ReportDocument) -> MethodColumn:
    subject = document.subject
    place = subject.dataset + (f", split {subject.split}" if subject.split else "")
    how = "scores of the file" if document.model.source == "file" else "served"
    recalls = {row.class_name: row.recall for row in document.classes}
    return _column(
        "Network",
        f"{how}, this evaluation: {place}",
        document.accounting.scored,
        document.accuracy,
        document.balanced_accuracy,
        tuple(percent(recalls.get(name)) for name in document.confusion.class_names),
    )


def _in_training(name: str, split: str, figures: MethodFigures, classes: tuple[str, ...]) -> MethodColumn:
    return _column(
        name,
        f"in training: {split}",
        figures.samples,
        figures.accuracy,
        figures.balanced_accuracy,
        tuple(percent(figures.recalls.get(one)) for one in classes),
    )


def _column(
    name: str,
    measured: str,
    samples: int,
    accuracy: Value,
    balanced_accuracy: float | None,
    recalls: tuple[str, ...],
) -> MethodColumn:
    return MethodColumn(
        name,
        measured,
        samples,
        percent(accuracy.value),
        limits_text(accuracy, percent),
        percent(balanced_accuracy),
        recalls,
    )


def _matrix(names: tuple[str, ...], figures: MethodFigures) -> Matrix | None:
    if not figures.confusion or len(names) > _FEW:
        return None
    return class_matrix(
        ConfusionDocument(
            class_names=names,
            counts=figures.confusion,
            no_response=(0,) * len(names),
            decision="argmax",
        )
    )
