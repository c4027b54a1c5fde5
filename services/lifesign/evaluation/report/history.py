"""How a run stands after those it descends from: rows, the lines of the chart, and the chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lifesign.evaluation.report import svg
from lifesign.evaluation.report.document import AlertSeverity, EarlierRun, ReportDocument
from lifesign.evaluation.report.wording import percent

__all__ = ["Course", "courses", "drift_figure_over_runs", "history_figure", "history_row"]

_WIDTH, _HEIGHT = 440, 250
_ROUND = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Course:
    """A rate over the runs, the oldest first, with its limits: shares, ``None`` where there is none."""

    name: str
    points: tuple[tuple[float, float, float] | None, ...]


def history_row(report: ReportDocument) -> EarlierRun:
    """Return what a history tells of a report."""
    pad, urgent = report.pad, [one for one in report.alerts if one.severity is not AlertSeverity.INFO]
    distances = [row.statistic for row in report.drift if row.statistic is not None]
    return EarlierRun(
        run_id=report.run_id,
        model_version="+".join(report.model.served_versions),
        dataset=report.subject.dataset,
        data_digest=report.subject.data_digest,
        samples=report.subject.samples,
        verdict=report.verdict,
        alerts=len(urgent),
        accuracy=report.accuracy,
        apcer_max=None if pad is None else pad.apcer_max,
        bpcer=None if pad is None else pad.bpcer,
        largest_drift=max(distances, default=None),
        drifted=sum(row.verdict == "alert" for row in report.drift),
    )


def courses(rows: Sequence[EarlierRun]) -> list[Course]:
    """Return APCER of the worst species and BPCER over the runs, for classifiers the error rate."""
    if any(row.bpcer is not None for row in rows):
        kinds = (
            ("APCER, worst species", [row.apcer_max for row in rows]),
            ("BPCER", [row.bpcer for row in rows]),
        )
        return [
            Course(
                name,
                tuple(
                    None if rate is None or rate.value is None else (rate.value, rate.lower, rate.upper)
                    for rate in rates
                ),
            )
            for name, rates in kinds
        ]
    values = [row.accuracy for row in rows]
    return [
        Course(
            "error rate",
            tuple(
                None
                if one.value is None
                else (
                    1 - one.value,
                    1 - (one.value if one.upper is None else one.upper),
                    1 - (one.value if one.lower is None else one.lower),
                )
                for one in values
            ),
        )
    ]


def history_figure(found: Sequence[Course], names: Sequence[str]) -> Markup:
    """Return the rates over the runs as dots with their 95 % intervals; ``names`` are those of the runs."""
    top = _round_above(max((point[2] for one in found for point in one.points if point), default=1.0))
    frame = _frame(len(names), top)
    parts = _axes(
        frame, names, [(top * step / 4, f"{100 * top * step / 4:g}") for step in range(5)], "errors, %"
    )
    for index, one in enumerate(found):
        aside = 0.07 * (index - (len(found) - 1) / 2)  # intervals of two rates do not hide each other
        points = [(place + aside, *point) for place, point in enumerate(one.points) if point]
        css = f"s{index}"
        parts.append(svg.polyline(frame, [(x, value) for x, value, _, _ in points], f"curve {css} first"))
        for x, value, lower, upper in points:
            at = frame.x(x)
            parts.append(svg.line(at, frame.y(min(upper, top)), at, frame.y(max(lower, 0.0)), f"curve {css}"))
            words = f"{names[round(x)]}: {one.name} {percent(value)} ({percent(lower)} to {percent(upper)})"
            parts.append(svg.mark(frame, x, value, f"dot{index}", title=words))
    listed = " and ".join(one.name for one in found)
    return svg.document(_WIDTH, _HEIGHT, parts, title=f"{listed} over {len(names)} runs, the oldest first")


def drift_figure_over_runs(distances: Sequence[float | None], names: Sequence[str]) -> Markup:
    """Return the largest distance of a feature from the model's reference, run by run."""
    top = _round_above(max((one for one in distances if one is not None), default=1.0))
    frame = _frame(len(names), top)
    parts = _axes(frame, names, [(top * step / 4, f"{top * step / 4:.3g}") for step in range(5)], "largest D")
    points = [(float(place), one) for place, one in enumerate(distances) if one is not None]
    parts.append(svg.polyline(frame, points, "curve s2 first"))
    parts += [
        svg.mark(frame, x, one, "dot2", title=f"{names[int(x)]}: largest distance {one:.3f}")
        for x, one in points
    ]
    return svg.document(_WIDTH, _HEIGHT, parts, title=f"Largest drift of a feature over {len(names)} runs")


def _frame(runs: int, top: float) -> svg.Frame:
    return svg.Frame(_WIDTH, _HEIGHT, (-0.5, runs - 0.5), (0.0, top))


def _axes(frame: svg.Frame, names: Sequence[str], y_ticks: Sequence[svg.Tick], y_label: str) -> list[str]:
    step = -(-len(names) // 6)  # names of at most six runs have room
    last = len(names) - 1
    ticks = [(float(place), name) for place, name in enumerate(names) if (last - place) % step == 0]
    return frame.axes(ticks, y_ticks, x_label="runs, this one last", y_label=y_label)


def _round_above(value: float) -> float:
    return next((end for end in _ROUND if value <= end), 1.0)
