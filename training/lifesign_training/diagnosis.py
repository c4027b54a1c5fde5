"""Diagnosis of a training, while it runs and at its end: for any ``model.fit``, and for our own runs.

model.fit(x, y, validation_split=0.2, callbacks=[DiagnosisCallback()])
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.evidence import ClassCounts, Evidence
from lifesign.evaluation.diagnosis.finding import Finding
from lifesign.evaluation.diagnosis.inputs.run_folders import epoch_figures, read_run_folder
from lifesign.evaluation.diagnosis.live import LiveDiagnosis, warning_line
from lifesign.evaluation.diagnosis.page import render_diagnoses
from lifesign.evaluation.diagnosis.setup import setup_from
from lifesign.evaluation.diagnosis.wording import headline, title_of
from lifesign_training.storage import write_text

__all__ = ["DiagnosisCallback", "diagnose_run", "live_diagnosis", "notes_of_model", "warnings_of_epoch"]

# What answers otherwise while it trains, and what may hold such a layer.
_TWO_MODES = (
    keras.layers.AlphaDropout,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.RNN,
    keras.layers.Wrapper,
    keras.Model,
)


class DiagnosisCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Warns at the epoch when a training turns: once for each finding, never for what may be noise.

    ``class_counts`` maps ``train`` and ``validation`` to the samples of each class, ``notes`` are lines on
    the configuration, as code or words. Output layer, loss and optimizer are read off the model. ``say``
    takes the warnings, stderr by default. After the training ``findings`` holds all that is found, most
    important first.
    """

    def __init__(
        self,
        *,
        class_counts: Mapping[str, Mapping[str, int]] | None = None,
        notes: Sequence[str] = (),
        say: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        counts = {name: ClassCounts(dict(given)) for name, given in (class_counts or {}).items()}
        self._known = Evidence(id="training", counts=counts, setup=setup_from(notes))
        self._say = say or _to_stderr
        self._live = LiveDiagnosis(self._known)
        self.findings: list[Finding] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Read the configuration off the model and begin anew."""
        notes = (*self._known.setup.notes, *notes_of_model(self.model))
        self._live = LiveDiagnosis(replace(self._known, setup=setup_from(notes)))
        self.findings = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take the figures of an epoch and say what has turned."""
        figures = {name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0}
        for finding in self._live.on_epoch(figures):
            self._say(warning_line(finding, epoch=epoch + 1))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Diagnose the whole training."""
        self.findings = diagnose(self._live.evidence)


def _to_stderr(line: str) -> None:
    # Keras leaves the cursor behind its bar.
    print(f"\n{line}", file=sys.stderr)


def notes_of_model(model: Any) -> list[str]:
    """Say output layer, loss and optimizer of a compiled model as they would be written."""
    notes = []
    layers = getattr(model, "layers", None) or ()
    if layers and isinstance(layers[-1], keras.layers.Dense):
        name = getattr(layers[-1].activation, "__name__", "")
        notes.append(f"Dense({layers[-1].units}, activation='{name}')")
    if layers and not any(isinstance(layer, _TWO_MODES) for layer in layers):
        notes.append("no batch normalisation, no dropout")
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        notes.append(f"loss='{loss}'")
    elif isinstance(loss, keras.losses.Loss):
        config = loss.get_config()
        logits = "from_logits=True" if config.get("from_logits") else ""
        notes.append(f"loss={type(loss).__name__}({logits})")
    if getattr(model, "optimizer", None) is not None:
        notes.append(f"optimizer {type(model.optimizer).__name__}")
    return notes


def live_diagnosis(
    counts: Mapping[str, Mapping[str, int]], history: Sequence[Mapping[str, Any]]
) -> LiveDiagnosis:
    """Return the live diagnosis of a training of ours that goes on after the records of ``history``."""
    live = LiveDiagnosis(Evidence(counts={name: ClassCounts(dict(given)) for name, given in counts.items()}))
    for record in history:
        live.on_epoch(epoch_figures(record))
    return live


def warnings_of_epoch(live: LiveDiagnosis, record: Mapping[str, Any]) -> list[str]:
    """Return the warnings of an epoch's record, a line each."""
    found = live.on_epoch(epoch_figures(record))
    return [warning_line(finding, epoch=int(record["epoch"])) for finding in found]


def diagnose_run(folder: Path) -> list[str]:
    """Write ``diagnosis.json`` and ``diagnosis.html`` into a run folder; return what to tell, a line each.

    Raises:
        StorageError: the disk refused.
    """
    evidence = read_run_folder(folder)
    findings = diagnose(evidence)
    document = {"id": evidence.id, "findings": [finding.to_dict() for finding in findings]}
    write_text(folder / "diagnosis.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "diagnosis.html", render_diagnoses([(evidence, findings)]))
    lines = [f"diagnosis: {headline(findings)}"]
    lines += [
        f"  {finding.severity.value}: {title_of(finding.code)}: {finding.evidence} {finding.remedy}"
        for finding in findings
        if finding.is_alarm
    ]
    return lines
