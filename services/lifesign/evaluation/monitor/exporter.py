"""Prometheus instruments of the evaluation: the last reports and the runs, read from the store at a scrape.

All of it comes from the database, so it survives a restart, replicas agree, and what a newer report no
longer has (an old version, a class) is gone at the next scrape.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lifesign.evaluation.monitor.readings import READINGS, report_readings
from lifesign.evaluation.report.document import ReportDocument
from lifesign.evaluation.store.figures import Stamps, latest_succeeded, run_counts, run_stamps
from lifesign.evaluation.store.rows import Outcome
from lifesign.evaluation.store.run import Run
from lifesign.evaluation.store.runs import RunStore

__all__ = ["EvaluationCollector"]

_REPORT = ("model", "model_version", "dataset")
_PAIR = ("model", "dataset")


class EvaluationCollector(Collector):
    """Gauges of the last successful run per model and data set, and counters of runs and missed ticks.

    ``configured`` holds model and data set of the evaluations that go on: their runs are counted from 0, and
    their last results stay. What was asked for just once leaves after ``forget``, or alerts on old results
    would never end. ``missed`` returns the ticks missed per schedule. Whole confusion matrices are exported
    up to ``classes_limit`` classes, beyond that the ``confused_pairs`` most confused pairs of classes.
    """

    def __init__(
        self,
        store: RunStore,
        *,
        missed: Callable[[], Mapping[str, int]] = dict,
        configured: Iterable[tuple[str, str]] = (),
        forget: timedelta = timedelta(days=1),
        classes_limit: int = 20,
        confused_pairs: int = 20,
    ) -> None:
        self._store = store
        self._missed = missed
        self._configured = frozenset(configured)
        self._forget = forget
        self._classes_limit = classes_limit
        self._confused_pairs = confused_pairs
        self._documents: dict[str, ReportDocument] = {}

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not read the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every instrument, as the database has it now."""
        runs = tuple(
            run
            for run in latest_succeeded(self._store.engine)
            if self._is_current(run.model, run.dataset, run.finished_at)
        )
        documents = {run.id: self._document(run) for run in runs}
        self._documents = documents
        yield from self._reports(runs, documents)
        yield _durations(runs)
        yield from _stamps(
            stamp
            for stamp in run_stamps(self._store.engine)
            if self._is_current(stamp.model, stamp.dataset, stamp.start)
        )
        yield self._run_totals()
        yield self._missed_totals()

    def _is_current(self, model: str, dataset: str, time: datetime | None) -> bool:
        if (model, dataset) in self._configured:
            return True
        return time is not None and time > self._store.now() - self._forget

    def _document(self, run: Run) -> ReportDocument:
        cached = self._documents.get(run.id)
        if cached is not None:
            return cached
        return ReportDocument.model_validate_json(self._store.report(run.id) or "")

    def _reports(self, runs: Iterable[Run], documents: Mapping[str, ReportDocument]) -> Iterator[Metric]:
        families = {
            name: GaugeMetricFamily(name, text, labels=(*_REPORT, *labels))
            for name, (text, labels) in READINGS.items()
        }
        for run in runs:
            readings = report_readings(
                documents[run.id],
                classes_limit=self._classes_limit,
                confused_pairs=self._confused_pairs,
            )
            for reading in readings:
                extra = [reading.labels[label] for label in READINGS[reading.instrument][1]]
                families[reading.instrument].add_metric([*_report_labels(run), *extra], reading.value)
        yield from families.values()

    def _run_totals(self) -> Metric:
        counts = run_counts(self._store.engine)
        family = CounterMetricFamily(
            "lifesign_eval_runs", "Finished runs by outcome.", labels=("dataset", "outcome")
        )
        datasets = {dataset for _, dataset in self._configured}
        for dataset in sorted(datasets | {dataset for dataset, _ in counts}):
            for outcome in Outcome:
                family.add_metric([dataset, str(outcome)], counts.get((dataset, str(outcome)), 0))
        return family

    def _missed_totals(self) -> Metric:
        family = CounterMetricFamily(
            "lifesign_eval_job_missed", "Due ticks of a schedule that were not run.", labels=("schedule",)
        )
        for schedule, count in sorted(self._missed().items()):
            family.add_metric([schedule], count)
        return family


def _report_labels(run: Run) -> list[str]:
    return [run.model, run.model_version or "", run.dataset]


def _durations(runs: Iterable[Run]) -> Metric:
    family = GaugeMetricFamily(
        "lifesign_eval_run_duration_seconds", "Duration of the last successful run.", labels=_REPORT
    )
    for run in runs:
        if run.duration_seconds is not None:
            family.add_metric(_report_labels(run), run.duration_seconds)
    return family


def _stamps(stamps: Iterable[Stamps]) -> Iterator[Metric]:
    stamps = tuple(stamps)
    for what, words in (
        ("start", "last start of a run"),
        ("success", "last run that ended with a report"),
        ("failure", "last run that ended without a report"),
    ):
        family = GaugeMetricFamily(
            f"lifesign_eval_last_{what}_timestamp_seconds", f"Unix time of the {words}.", labels=_PAIR
        )
        for stamp in stamps:
            time = getattr(stamp, what)
            if time is not None:
                family.add_metric([stamp.model, stamp.dataset], time.timestamp())
        yield family
