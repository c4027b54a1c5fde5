"""What the monitor's HTTP interface takes and gives."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lifesign.evaluation.report.document import AlertSeverity, GateStatus, ReportDocument
from lifesign.evaluation.store.rows import Outcome, RunStatus, Trigger
from lifesign.evaluation.store.run import Run

__all__ = [
    "EvaluationPage",
    "EvaluationRequest",
    "EvaluationView",
    "Headline",
    "ScheduleView",
    "SchedulesView",
    "area_under_curve",
    "served_version",
]


class _Schema(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Headline(_Schema):
    """The few numbers of a report that fit on a line. Rates are shares in [0, 1], null where undefined."""

    verdict: GateStatus
    verdict_sentence: str
    task: str
    model_version: str = Field(description="the version that answered most samples")
    samples: int
    no_response: int
    alerts: dict[AlertSeverity, int]
    accuracy: float | None
    accuracy_lower: float | None
    accuracy_upper: float | None
    auc: float | None
    apcer_max: float | None = None
    apcer_max_text: str | None = None
    apcer_max_species: str | None = None
    bpcer: float | None = None
    bpcer_text: str | None = None

    @classmethod
    def from_document(cls, document: ReportDocument) -> Self:
        """Return the headline of a report."""
        pad = document.pad
        alerts = dict.fromkeys(AlertSeverity, 0)
        for alert in document.alerts:
            alerts[alert.severity] += 1
        return cls(
            verdict=document.verdict,
            verdict_sentence=document.verdict_sentence,
            task=document.model.task,
            model_version=served_version(document),
            samples=document.accounting.total,
            no_response=document.accounting.no_response,
            alerts=alerts,
            accuracy=document.accuracy.value,
            accuracy_lower=document.accuracy.lower,
            accuracy_upper=document.accuracy.upper,
            auc=area_under_curve(document),
            apcer_max=None if pad is None else pad.apcer_max.value,
            apcer_max_text=None if pad is None else pad.apcer_max.text,
            apcer_max_species=None if pad is None else pad.apcer_max_species,
            bpcer=None if pad is None else pad.bpcer.value,
            bpcer_text=None if pad is None else pad.bpcer.text,
        )


def served_version(document: ReportDocument) -> str:
    """Return the version that answered most samples, else the one asked for, else nothing."""
    served = document.model.served_versions
    if served:
        return max(served, key=lambda version: (served[version], version))
    asked = document.model.requested_version
    return "" if asked is None else str(asked)


def area_under_curve(document: ReportDocument) -> float | None:
    """Return the one AUC that stands for the report: bona fide against attack, else the macro average."""
    if document.pad is not None:
        for row in document.classes:
            if row.class_name == "bona_fide" and row.auc is not None:
                return row.auc.value
    return document.averages.get("auc_macro")


class EvaluationRequest(_Schema):
    """What to evaluate: the name of a configured evaluation, or a whole config without its run folder."""

    evaluation: str | None = Field(default=None, min_length=1, max_length=100)
    config: dict[str, Any] | None = Field(default=None, description="fields of EvaluationConfig without out")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.evaluation is None) == (self.config is None):
            raise ValueError("give evaluation (a name) or config (an object), one of the two")
        return self


class EvaluationView(_Schema):
    """One evaluation: what was asked for, where it is, what came of it."""

    id: str
    evaluation: str
    model: str
    model_version: str | None
    dataset: str
    state: RunStatus
    outcome: Outcome | None
    trigger: Trigger
    schedule: str | None
    due_time: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    attempts: int
    samples_done: int
    samples_total: int | None
    error: str | None
    headline: Headline | None
    links: dict[str, str]

    @classmethod
    def from_run(cls, run: Run) -> Self:
        """Return what may be told about a run: no path, host or process."""
        own = f"/v1/evaluations/{run.id}"
        links = {"self": own}
        if run.state is RunStatus.SUCCEEDED:
            links |= {"report_json": f"{own}/report.json", "report_html": f"{own}/report.html"}
        same = {name: getattr(run, name) for name in cls.model_fields if name not in ("headline", "links")}
        headline = None if run.summary is None else Headline.model_validate(run.summary)
        return cls(**same, headline=headline, links=links)


class EvaluationPage(_Schema):
    """Evaluations, newest first; ``next_cursor`` is null on the last page."""

    evaluations: tuple[EvaluationView, ...]
    next_cursor: str | None


class ScheduleView(_Schema):
    """A schedule, when it is due next, and how many ticks passed without a run."""

    name: str
    cron: str
    timezone: str
    evaluation: str
    next_due: datetime | None
    missed: int


class SchedulesView(_Schema):
    """All schedules, and all evaluations that may be asked for by name."""

    schedules: tuple[ScheduleView, ...]
    evaluations: tuple[str, ...]
