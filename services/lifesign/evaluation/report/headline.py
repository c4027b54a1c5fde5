"""The headline: every number about the whole set, with its interval, counts and threshold source."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from lifesign.evaluation.metrics.probability_scores import LARGEST_CLIPPED_LOSS
from lifesign.evaluation.report.document import (
    PadDocument,
    RateRow,
    ReportDocument,
    ThresholdRow,
    Value,
)
from lifesign.evaluation.report.wording import four, interval_words, percent

__all__ = ["HeadlineRow", "Tile", "headline_rows", "tiles"]


@dataclass(frozen=True, slots=True)
class Tile:
    """A number to see at once."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class HeadlineRow:
    """A line of the headline table; ``source`` says where the threshold came from, "–" if none is used.

    ``is_extra`` folds it away: of a liveness report, what is common for classifiers. ``score_interval`` is
    Wilson's, beside the exact one.
    """

    name: str
    value: str
    interval: str = ""
    counts: str = ""
    source: str = "–"
    note: str = ""
    is_extra: bool = False
    score_interval: str = ""

    @property
    def is_oracle(self) -> bool:
        """Whether the threshold was chosen on the test set."""
        return self.source.startswith("ORACLE")


_CERTIFICATE = "_certificate"
_CLIPPED = "_clipped"
# Known names of ``averages``: label, and how to read it.
_AVERAGES = {
    "macro_precision": ("Precision, macro", "plain mean over classes; higher is better"),
    "macro_recall": ("Recall, macro", "plain mean over classes; higher is better"),
    "macro_f1": ("F1, macro", "plain mean over classes; higher is better"),
    "weighted_precision": ("Precision, weighted", "classes weigh as often as they occur"),
    "weighted_recall": ("Recall, weighted", "classes weigh as often as they occur"),
    "weighted_f1": ("F1, weighted", "classes weigh as often as they occur; higher is better"),
    "micro_f1": ("F1, micro", "the accuracy, where every sample has one class"),
    "kappa": ("Cohen's κ", "agreement beyond chance: 0 is chance, 1 perfect"),
    "mcc": ("Matthews correlation", "−1 to 1; 0 is chance, 1 perfect"),
    "auc_macro": ("AUC, macro", "one class against the others, mean; 0.5 is chance"),
    "auc_micro": ("AUC, micro", "all pairs of sample and class pooled; 0.5 is chance"),
    "micro_precision": ("Precision, micro", "the accuracy, where every sample has one class"),
    "micro_recall": ("Recall, micro", "the accuracy, where every sample has one class"),
    "macro_specificity": ("Specificity, macro", "plain mean over classes; higher is better"),
    "average_precision_macro": (
        "Average precision, macro",
        "plain mean over classes; depends on class shares",
    ),
    "brier": (
        "Brier score, all classes",
        "squared error of the probabilities, summed over classes; 0 is best",
    ),
    "mse": ("Mean squared error", "squared error of the probabilities, mean over classes; 0 is best"),
    "log_loss": ("Log loss", "nats, 0 is perfect; punishes confident errors"),
}


def tiles(document: ReportDocument) -> list[Tile]:
    """Return the few numbers that come first."""
    pad = document.pad
    found = _pad_tiles(pad) if pad is not None else _class_tiles(document)
    accuracy = document.accuracy
    found.insert(
        len(found) if pad is not None else 0,
        Tile("Accuracy", percent(accuracy.value), _limits_note(accuracy, percent)),
    )
    if pad is not None and document.roc:
        area = document.roc[0].auc
        found.append(Tile("AUC", four(area.value), _limits_note(area, four)))
    accounting = document.accounting
    share = accounting.no_response / accounting.total if accounting.total else None
    found.append(Tile("No answer", percent(share), f"{accounting.no_response:,} of {accounting.total:,}"))
    return found


def headline_rows(document: ReportDocument) -> list[HeadlineRow]:
    """Return all numbers about the whole set, those that gates look at first."""
    source = document.model.threshold_source or "–"
    rows = list(_pad_rows(document.pad, source)) if document.pad is not None else []
    if document.pad is not None and document.accounting.no_response:
        rows += _no_answer_rows(document.pad, source)
    rows.append(_value_row("Accuracy", document.accuracy, percent, source))
    rows.append(HeadlineRow("Balanced accuracy", percent(document.balanced_accuracy), source=source))
    if document.roc:
        name = "AUC" if document.pad is not None else f"AUC, {document.roc[0].name}"
        rows.append(_value_row(name, document.roc[0].auc, four, "–"))
    averages = _average_rows(document.averages, source)
    rows += [replace(row, is_extra=document.pad is not None) for row in averages]
    calibration = document.calibration
    if calibration is not None:
        rows.append(HeadlineRow("Expected calibration error", four(calibration.ece), note="0 is best"))
        if calibration.adaptive_ece is not None:
            name = "Expected calibration error, bins of equal mass"
            rows.append(HeadlineRow(name, four(calibration.adaptive_ece), note="0 is best"))
        rows.append(
            HeadlineRow("Largest calibration error of a bin", four(calibration.mce), note="0 is best")
        )
        rows.append(HeadlineRow("Brier score", four(calibration.brier), note="0 is best"))
    return rows


def _pad_rows(pad: PadDocument, source: str) -> Iterator[HeadlineRow]:
    worst = f" ({pad.apcer_max_species})" if pad.apcer_max_species else ""
    yield _rate_row(f"APCER, worst species{worst}", pad.apcer_max, source)
    for one in pad.species:
        yield _rate_row(f"APCER, {one.species}", one.apcer, source)
    yield _rate_row(
        "APCER, all species pooled", pad.apcer_pooled, source, "an average can hide a broken species"
    )
    yield _rate_row("BPCER", pad.bpcer, source)
    yield HeadlineRow(
        "ACER",
        percent(pad.acer_max),
        source=source,
        note="mean of worst APCER and BPCER; not ISO/IEC 30107-3",
    )
    if pad.acer_pooled is not None:
        yield HeadlineRow(
            "ACER, pooled",
            percent(pad.acer_pooled),
            source=source,
            note="mean of pooled APCER and BPCER, as in other papers",
        )
    yield _rate_row("APNRR", pad.apnrr, "–", "attacks without an answer")
    yield _rate_row("BPNRR", pad.bpnrr, "–", "bona fide without an answer")
    named = {row.name for row in pad.thresholds}
    for row in (*(() if pad.eer.name in named else (pad.eer,)), *pad.thresholds):
        yield from _threshold_rows(row)


def _average_rows(averages: Mapping[str, float | None], source: str) -> Iterator[HeadlineRow]:
    for name, number in averages.items():
        if name.endswith((_CERTIFICATE, _CLIPPED)):
            continue
        label, note = _AVERAGES.get(name, (_spoken(name), ""))
        bound = averages.get(f"{name}{_CERTIFICATE}")
        if bound:
            note = f"{note}; binning error ≤ {bound:.0e}".removeprefix("; ")
        clipped = averages.get(f"{name}{_CLIPPED}")
        if clipped:
            note = f"{note}; {_clipped_words(int(clipped))}"
        write = percent if name.endswith("accuracy") else four
        yield HeadlineRow(label, write(number), note=note, source=_source_of(name, source))


def _clipped_words(count: int) -> str:
    samples = "1 sample" if count == 1 else f"{count:,} samples"
    return f"{samples} with a probability of 0 for the true class counted as {LARGEST_CLIPPED_LOSS:.1f} nats"


def _spoken(name: str) -> str:
    """``top5_accuracy`` → ``Top-5 accuracy``."""
    return re.sub(r"^Top(\d)", r"Top-\1", name.replace("_", " ").capitalize())


def _no_answer_rows(pad: PadDocument, source: str) -> Iterator[HeadlineRow]:
    """With samples that got no answer counted as rejected and as accepted; the other rows leave them out."""
    if pad.apcer_max_no_response_as_reject is not None:
        yield _rate_row(
            "APCER, no answer as rejection", pad.apcer_max_no_response_as_reject, source, "worst species"
        )
    if pad.apcer_max_no_response_as_accept is not None:
        yield _rate_row(
            "APCER, no answer as acceptance", pad.apcer_max_no_response_as_accept, source, "worst species"
        )
    yield _rate_row("BPCER, no answer as rejection", pad.bpcer_no_response_as_reject, source)
    if pad.bpcer_no_response_as_accept is not None:
        yield _rate_row("BPCER, no answer as acceptance", pad.bpcer_no_response_as_accept, source)


def _threshold_rows(row: ThresholdRow) -> Iterator[HeadlineRow]:
    """Rows have a value of their own, or are named after the rate they tell: BPCER20, APCER at BPCER 1 %."""
    if row.value is not None:
        # At a threshold that was given, the value is half the total error.
        name = f"HTER, {row.name}" if row.name.startswith(("operating point", "threshold")) else row.name
        yield HeadlineRow(name, percent(row.value), source=row.threshold_source, note=row.note)
    elif row.name.startswith("BPCER") and row.bpcer is not None:
        yield _rate_row(row.name, row.bpcer, row.threshold_source, row.note)
    elif row.name.startswith("APCER") and row.apcer is not None:
        yield _rate_row(row.name, row.apcer, row.threshold_source, row.note)


def _rate_row(name: str, rate: RateRow, source: str, note: str = "") -> HeadlineRow:
    if rate.resolved is False and rate.errors:
        note = f"{note}; few errors".removeprefix("; ")
    return HeadlineRow(
        name,
        percent(rate.value) if rate.total else "–",
        interval_words(rate),
        f"{rate.errors:,}/{rate.total:,}" if rate.total else "",
        source,
        note,
        score_interval=_score_interval(rate),
    )


def _score_interval(rate: RateRow) -> str:
    # Without errors the exact limit is one-sided, which a two-sided one beside it would contradict.
    if rate.wilson_lower is None or rate.wilson_upper is None or rate.errors in (0, rate.total):
        return ""
    return f"{percent(rate.wilson_lower).removesuffix(' %')}–{percent(rate.wilson_upper)}"


def _value_row(name: str, value: Value, write: Callable[[float | None], str], source: str) -> HeadlineRow:
    note = "" if not value.method else f"interval: {value.method.replace('_', ' ')}"
    if value.certificate:
        note = f"{note}; binning error ≤ {value.certificate:.0e}".removeprefix("; ")
    return HeadlineRow(name, write(value.value), limits_text(value, write), source=source, note=note)


def limits_text(value: Value, write: Callable[[float | None], str]) -> str:
    """Return ``75.8–84.1 %``; empty without an interval."""
    if value.lower is None or value.upper is None:
        return ""
    return f"{write(value.lower).removesuffix(' %')}–{write(value.upper)}"


def _source_of(name: str, source: str) -> str:
    """Areas and losses need no threshold."""
    return "–" if name.startswith(("auc", "log_loss", "average_precision", "brier", "mse")) else source


def _pad_tiles(pad: PadDocument) -> list[Tile]:
    return [
        Tile(
            "APCER, worst species", percent(pad.apcer_max.value), _note(pad.apcer_max, pad.apcer_max_species)
        ),
        Tile("BPCER", percent(pad.bpcer.value), _note(pad.bpcer)),
        Tile("ACER (not ISO)", percent(pad.acer_max), "mean of the worst APCER and BPCER"),
        Tile("EER, ORACLE", percent(pad.eer.value), "threshold chosen on this test set"),
    ]


def _class_tiles(document: ReportDocument) -> list[Tile]:
    averages = document.averages
    return [
        Tile("F1, macro", four(averages.get("macro_f1")), "plain mean over classes"),
        Tile("AUC, macro", four(averages.get("auc_macro")), "one class against the others"),
        Tile("Cohen's κ", four(averages.get("kappa")), "0 is chance, 1 is perfect"),
    ]


def _note(rate: RateRow, species: str | None = None) -> str:
    who = f"{species}: " if species else ""
    if rate.total == 0:
        return f"{who}no samples"
    if rate.errors == 0:
        return f"{who}{rate.text}"
    return f"{who}{rate.errors:,}/{rate.total:,}, 95 % CI {interval_words(rate)}"


def _limits_note(value: Value, write: Callable[[float | None], str]) -> str:
    limits = limits_text(value, write)
    return f"{value.level:.0%} CI {limits}".replace("%", " %", 1) if limits else "no interval"
