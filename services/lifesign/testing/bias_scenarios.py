"""Invented reports with and without bias: the kinds that false alarms and power are measured on.

"Unbiased" has one error rate for all groups, "biased" raises that of the first one. ``benchmarks/bias.py``
measures a thousand of each, a slow test fewer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.report.document import AlertSeverity
from lifesign.labels import LIVENESS_CLASSES
from lifesign.testing.reports import report_of

__all__ = ["BIASED", "UNBIASED", "VARIED", "BiasScenario", "count_alerts"]

_BIAS = ("prediction_bias", "differential_performance")


@dataclass(frozen=True)
class BiasScenario:
    """A kind of report: ``sizes`` samples per group of the first column, further ``columns`` at random.

    ``worse`` is the error rate of the first group. ``correlation`` is that of errors within a subject,
    who gives ``per_subject`` samples, all in one group. ``shares`` of the classes, equal by default.
    ``crosses`` are pairs of columns such as ``group*column0``, looked at besides.
    """

    name: str
    sizes: Sequence[int] = (400,) * 10
    rate: float = 0.05
    worse: float | None = None
    classes: tuple[str, ...] = LIVENESS_CLASSES
    shares: Sequence[float] | None = None
    columns: Sequence[int] = ()
    correlation: float = 0.0
    per_subject: int | None = None
    worse_class: int | None = None
    crosses: Sequence[str] = ()

    @property
    def spec(self) -> AnalysisSpec:
        """How the predictions are read."""
        is_liveness = self.classes == LIVENESS_CLASSES
        task: Literal["liveness", "classification"] = "liveness" if is_liveness else "classification"
        names = ("group", *(f"column{index}" for index in range(len(self.columns))))
        return AnalysisSpec(self.classes, task, slice_columns=(*names, *self.crosses))


def _predictions(scenario: BiasScenario, rng: np.random.Generator) -> pa.Table:
    """Return predictions that are wrong at the scenario's rates, with scores to match."""
    group = np.repeat(np.arange(len(scenario.sizes)), scenario.sizes)
    count, size = len(group), len(scenario.classes)
    true = rng.choice(size, count, p=scenario.shares)
    subject = None if scenario.per_subject is None else np.arange(count) // scenario.per_subject
    if subject is not None:
        subject = subject * len(scenario.sizes) + group
    rate = np.full(count, scenario.rate)
    worse = group == 0
    if scenario.worse_class is not None:
        worse &= true == scenario.worse_class
    if scenario.worse is not None:
        rate[worse] = scenario.worse
    if scenario.correlation and subject is not None:
        _, person = np.unique(subject, return_inverse=True)
        strength = (1 - scenario.correlation) / scenario.correlation
        quantile = rng.random(int(person.max()) + 1)[person]
        rate = stats.beta.ppf(quantile, rate * strength, (1 - rate) * strength)
    wrong = rng.random(count) < rate
    other = (true + rng.integers(1, size, count)) % size
    predicted = np.where(wrong, other, true)
    scores = rng.uniform(0, 0.3, (count, size)) / size
    scores[np.arange(count), predicted] = 0
    scores[np.arange(count), predicted] = 1 - scores.sum(axis=1)
    vectors = pa.FixedSizeListArray.from_arrays(scores.astype(np.float32).ravel(), size)
    slices = {f"slice_column{i}": _words(rng.integers(0, n, count)) for i, n in enumerate(scenario.columns)}
    return pa.table(
        {
            "sample_id": _words(np.arange(count)),
            "path": pa.nulls(count, pa.string()),
            "label": pa.array(scenario.classes).take(pa.array(true)),
            "scores": vectors.cast(pa.list_(pa.float32())),
            "outcome": pa.repeat(pa.scalar("scored"), count),
            "reason": pa.nulls(count, pa.string()),
            "subject_id": pa.nulls(count, pa.string()) if subject is None else _words(subject),
            "pai_species": pa.nulls(count, pa.string()),
            "served_version": pa.repeat(pa.scalar(1), count),
            "slice_group": _words(group),
            **slices,
        }
    )


def _words(codes: NDArray[np.int64]) -> pa.Array:
    return pa.array(codes).cast(pa.string())


def _alerts(scenario: BiasScenario, seed: int) -> Counter[str]:
    """Return the kinds of alert of one report; ``found`` where it names the first group."""
    table = _predictions(scenario, np.random.default_rng(seed))
    report = report_of(table, scenario.spec)
    urgent = [one for one in report.alerts if one.severity is not AlertSeverity.INFO]
    kinds: Counter[str] = Counter({str(one.kind) for one in urgent})
    kinds["bias"] = int(any(one.kind in _BIAS for one in urgent))
    kinds["any"] = int(bool(urgent))
    kinds["found"] = int(
        any(
            one.kind == "differential_performance"
            and one.evidence["attribute"] == "group"
            and "0" in one.evidence["groups"]
            for one in urgent
        )
    )
    return kinds


_TEN = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_UNEQUAL = (20, 40, 80, 150, 300, 600, 1200, 2500, 5000)

UNBIASED = (
    BiasScenario("10 groups of 400"),
    BiasScenario("3 groups of 400", sizes=(400,) * 3),
    BiasScenario("20 groups of 400", sizes=(400,) * 20),
    BiasScenario("10 groups of 60, rate .2", sizes=(60,) * 10, rate=0.2),
    BiasScenario("9 groups of 20 to 5,000", sizes=_UNEQUAL),
    BiasScenario("9 groups of 20 to 5,000, rate .15", sizes=_UNEQUAL, rate=0.15),
    BiasScenario("10 groups, 1 in 5 bona fide, rate .15", shares=(0.8, 0.2), rate=0.15),
    BiasScenario("10 groups and 5 columns more", columns=(2, 3, 5, 8, 12)),
    BiasScenario("10 groups, 10 of a subject, ICC .2", correlation=0.2, per_subject=10),
    BiasScenario("10 groups of 100, 20 of a subject", sizes=(100,) * 10, correlation=0.2, per_subject=20),
    BiasScenario("9 groups, 10 of a subject, ICC .3", sizes=_UNEQUAL, correlation=0.3, per_subject=10),
    BiasScenario("10 groups, 10 classes, rate .15", classes=_TEN, rate=0.15),
    BiasScenario("10 groups, 3 unequal classes", classes=("a", "b", "c"), shares=(0.8, 0.1, 0.1), rate=0.2),
)
VARIED = (
    BiasScenario("2 groups of 5,000 and 50, rate .02", sizes=(5000, 50), rate=0.02),
    BiasScenario("2 groups of 300, rate .2", sizes=(300, 300), rate=0.2),
    BiasScenario("4 groups of 30 to 900, rate .1", sizes=(30, 90, 300, 900), rate=0.1),
    BiasScenario(
        "6 groups of 1,500, rate .02, 1 in 10 bona fide", sizes=(1500,) * 6, rate=0.02, shares=(0.9, 0.1)
    ),
    BiasScenario(
        "8 groups of 150, 9 in 10 bona fide, rate .12", sizes=(150,) * 8, rate=0.12, shares=(0.1, 0.9)
    ),
    BiasScenario(
        "15 groups, every size a third larger, rate .08",
        sizes=tuple(round(25 * 1.33**k) for k in range(15)),
        rate=0.08,
    ),
    BiasScenario("20 groups of 45, rate .2", sizes=(45,) * 20, rate=0.2),
    BiasScenario(
        "5 groups, crosses with 2 columns, rate .05",
        sizes=(400,) * 5,
        columns=(3, 4),
        crosses=("group*column0", "group*column1", "column0*column1"),
    ),
    BiasScenario(
        "12 unequal groups, crosses with 6, rate .15",
        sizes=tuple(range(60, 660, 50)),
        rate=0.15,
        columns=(6,),
        crosses=("group*column0",),
    ),
    BiasScenario(
        "7 groups, 4 of a subject, ICC .4, rate .1",
        sizes=(240,) * 7,
        rate=0.1,
        correlation=0.4,
        per_subject=4,
    ),
    BiasScenario(
        "5 unequal groups, 30 of a subject, ICC .1, rate .03",
        sizes=(150, 300, 600, 1200, 2400),
        rate=0.03,
        correlation=0.1,
        per_subject=30,
    ),
    BiasScenario(
        "14 groups, 5 classes of shares .5 to .03, rate .1",
        sizes=(250,) * 14,
        rate=0.1,
        classes=tuple("abcde"),
        shares=(0.5, 0.25, 0.15, 0.07, 0.03),
    ),
    BiasScenario(
        "3 groups, 20 classes, rate .2, a cross",
        sizes=(900, 500, 250),
        rate=0.2,
        classes=tuple(f"class{k:02d}" for k in range(20)),
        columns=(4,),
        crosses=("group*column0",),
    ),
)
"""Settings unlike those the rules were made for: few and many groups, unequal sizes, rates of .02 to .2."""

_WORSE = BiasScenario("one group of 10 at .15", worse=0.15)
BIASED = (
    _WORSE,
    replace(_WORSE, name="one group of 3 at .15", sizes=(400,) * 3),
    replace(_WORSE, name="one group of 20 at .15", sizes=(400,) * 20),
    replace(_WORSE, name="one group at .15, 5 columns more", columns=(2, 3, 5, 8, 12)),
    replace(_WORSE, name="only bona fide at .15, 400 each", sizes=(800,) * 10, worse_class=1),
    replace(_WORSE, name="only bona fide at .15, 200 each", worse_class=1),
    replace(_WORSE, name="10 classes, one group at .15", classes=_TEN),
    replace(
        _WORSE,
        name="10 classes of 100, one group misses one at .4",
        classes=_TEN,
        sizes=(1000,) * 10,
        worse=0.4,
        worse_class=3,
    ),
    replace(_WORSE, name="one group at .15, 10 of a subject, ICC .2", correlation=0.2, per_subject=10),
    replace(
        _WORSE,
        name="one group at .15 and crosses with 2 columns",
        columns=(3, 4),
        crosses=("group*column0", "group*column1"),
    ),
    replace(
        _WORSE,
        name="one group of 400 at .15 among unequal",
        sizes=(400, 60, 100, 200, 400, 800, 1600, 250, 90, 3000),
    ),
    replace(_WORSE, name="one group at .15, 3 in 10 bona fide", shares=(0.7, 0.3)),
)


def count_alerts(scenario: BiasScenario, reports: int, *, first: int = 0) -> Counter[str]:
    """Return how many of the reports raise each kind of alert, of seeds from ``first`` on.

    ``bias`` counts reports with any alert on bias, ``any`` those with any alert at warning or critical,
    ``found`` those whose differential performance names the first group.
    """
    total: Counter[str] = Counter()
    for seed in range(first, first + reports):
        total += _alerts(scenario, seed)
    return total
