"""What a figure is drawn from: evaluations, trainings, model files and served models, told by look."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifesign.errors import InputError, LifesignError
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.inputs.event_files import event_files
from lifesign.evaluation.diagnosis.inputs.files import read_cases
from lifesign.evaluation.figures.errors import Pictures
from lifesign.evaluation.figures.model_files import is_model_file
from lifesign.evaluation.rendering import read_report
from lifesign.evaluation.replay.run_folder import RunRecord, read_record
from lifesign.evaluation.report.document import ConfusionDocument, ReportDocument
from lifesign.evaluation.reporting import thumbnails_of

__all__ = ["EvaluationSource", "Sources", "read_sources"]

_TARGET = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")


@dataclass(frozen=True)
class EvaluationSource:
    """A report, and the record of its run where that is at hand."""

    name: str
    document: ReportDocument
    record: RunRecord | None = None

    @property
    def pictures(self) -> Pictures | None:
        """What reads the picture behind a sample's path, ``None`` without the run."""
        return None if self.record is None else thumbnails_of(self.record)

    @property
    def superclasses(self) -> Mapping[str, str] | None:
        """Class → superclass as the run was told."""
        found = None if self.record is None else self.record.config.get("superclasses")
        return found if isinstance(found, dict) else None


@dataclass(frozen=True)
class Sources:
    """Everything given, by what it is; ``trainings`` hold curves or a matrix that somebody printed."""

    evaluations: tuple[EvaluationSource, ...] = ()
    trainings: tuple[Evidence, ...] = ()
    models: tuple[Path, ...] = ()
    targets: tuple[str, ...] = ()
    words: tuple[str, ...] = field(default=())

    @property
    def confusion(self) -> ConfusionDocument | None:
        """The matrix of the first report, else one that was given as such."""
        if self.evaluations:
            return self.evaluations[0].document.confusion
        for evidence in self.trainings:
            if evidence.matrix is not None and evidence.matrix.sum():
                size = len(evidence.matrix)
                names = evidence.class_names or tuple(f"class {index}" for index in range(size))
                return ConfusionDocument(
                    class_names=names,
                    counts=tuple(tuple(row) for row in evidence.matrix.tolist()),
                    no_response=(0,) * size,
                    decision="",
                )
        return None


def read_sources(words: Sequence[str]) -> Sources:
    """Return what the words name: ``host:port``, or paths of runs, reports, logs, histories and models.

    A training run counts as curves and as its model.

    Raises:
        InputError: a path that is nothing of these; the message says what is understood.
        StorageError: a report that cannot be read.
    """
    evaluations: list[EvaluationSource] = []
    trainings: list[Evidence] = []
    models: list[Path] = []
    targets: list[str] = []
    for word in words:
        path = Path(word)
        if not path.exists():
            if not _TARGET.fullmatch(word):
                raise InputError(f"{word}: expected a file or folder, or host:port of a model server")
            targets.append(word)
        elif (path / "report.json").is_file() or _is_report(path):
            evaluations.append(_evaluation(path))
        elif is_model_file(path):
            models.append(path)
            if path.is_dir() and (path / "history.json").is_file():
                trainings.append(_evidence(path))
        else:
            trainings.append(_evidence(path))
    return Sources(tuple(evaluations), tuple(trainings), tuple(models), tuple(targets), tuple(words))


def _evaluation(path: Path) -> EvaluationSource:
    folder = path if path.is_dir() else path.parent
    document = read_report(path / "report.json" if path.is_dir() else path)
    try:
        record = read_record(folder)
    except LifesignError:
        record = None
    return EvaluationSource(folder.name or str(folder), document, record)


def _is_report(path: Path) -> bool:
    if path.suffix != ".json" or not path.is_file():
        return False
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and "schema_version" in found and "confusion" in found


def _evidence(path: Path) -> Evidence:
    if path.is_dir() and not (path / "history.json").is_file() and not event_files(path):
        raise InputError(
            f"{path}: expected an evaluation run (report.json), a training run (history.json), TensorBoard "
            "event files or a SavedModel, found none"
        )
    cases, problems = read_cases([path])
    if problems:
        raise InputError(problems[0])
    evidence = cases[0]
    if evidence.curves is None and evidence.matrix is None:
        raise InputError(f"{path}: expected epochs or a confusion matrix to draw, found neither")
    return evidence
