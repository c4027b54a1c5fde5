"""How numbers are written for people: shares, rates with their counts and limits, differences."""

import math

from lifesign.evaluation.report.document import BaselineComparison, RateRow, Value

__all__ = [
    "NON_RESPONSE_RATES",
    "baseline_words",
    "capital",
    "changed_words",
    "four",
    "interval_words",
    "is_species_apcer",
    "limit_words",
    "p_value",
    "p_words",
    "percent",
    "points_interval",
    "rate_words",
    "signed_points",
    "species_apcer",
    "value_text",
]

NON_RESPONSE_RATES = ("BPNRR", "APNRR", "non-response rate")
"""What the shares without an answer are called: of bona fide, of attacks, of a classifier's samples."""

_SPECIES_APCER = "APCER of "


def capital(sentence: str) -> str:
    """Return a sentence that begins with a capital: names of metrics do not always."""
    return sentence[:1].upper() + sentence[1:]


def baseline_words(baseline: BaselineComparison) -> str:
    """Return what to call the baseline: ``version 2``; ``the baseline`` where scores came from a file."""
    known = baseline.model_version not in ("", "unknown")
    return f"version {baseline.model_version}" if known else "the baseline"


def species_apcer(species: str) -> str:
    """Return what the error rate of one PAI species is called: ``APCER of print``."""
    return _SPECIES_APCER + species


def is_species_apcer(metric: str) -> bool:
    """Tell whether an error rate is that of one PAI species."""
    return metric.startswith(_SPECIES_APCER)


def changed_words(metric: str) -> tuple[str, str]:
    """Return what a sample is that one model newly gets wrong by an error rate, and newly gets right."""
    if metric in NON_RESPONSE_RATES:
        return "newly unanswered", "newly answered"
    return "newly wrong", "newly right"


def percent(share: float | None) -> str:
    """Return a share as people read it: ``6.7 %``; ``n/a`` where it is undefined."""
    if share is None or math.isnan(share):
        return "n/a"
    digits = 1 if share == 0 or abs(share) >= 0.001 else 2
    return f"{100 * share:.{digits}f} %"


def limit_words(share: float) -> str:
    """Return a limit that a person chose: ``5 %``, ``2.5 %``."""
    return f"{100 * share:.4g} %"


def interval_words(rate: RateRow) -> str:
    """Return the limits of a rate: ``3.2–11.9 %``; without errors ``≤ 2.0 %``."""
    if rate.total == 0:
        return "no samples"
    if rate.errors == 0:
        return f"≤ {percent(rate.upper)}"
    if rate.errors == rate.total:
        return f"≥ {percent(rate.lower)}"
    return f"{percent(rate.lower).removesuffix(' %')}–{percent(rate.upper)}"


def rate_words(rate: RateRow) -> str:
    """Return a rate with counts and interval: ``6.7 % (10/150, 95 % CI 3.2–11.9 %)``."""
    if rate.total == 0:
        return "unknown (no samples)"
    if rate.errors == 0:
        return f"0 (0/{rate.total:,}, 95 % sure to be at most {percent(rate.upper)})"
    return f"{percent(rate.value)} ({rate.errors:,}/{rate.total:,}, 95 % CI {interval_words(rate)})"


def signed_points(share: float) -> str:
    """Return a difference of shares in percentage points with its sign: ``+3.2 points``."""
    return f"{'−' if share < 0 else '+'}{100 * abs(share):.1f} points"


def points_interval(lower: float, upper: float) -> str:
    """Return the limits of a difference: ``+1.2 to +5.0 points``."""
    return f"{signed_points(lower).removesuffix(' points')} to {signed_points(upper)}"


def four(number: float | None) -> str:
    """Return a number with four decimals; ``–`` where it is undefined."""
    return "–" if number is None or math.isnan(number) else f"{number:.4f}"


def p_value(number: float | None) -> str:
    """Return a p-value as people read it: ``.031``, ``2e-07``, ``–`` where there was no test."""
    if number is None or math.isnan(number):
        return "–"
    if number < 0.001:
        return f"{number:.0e}" if number > 0 else "< 1e-300"
    return f"{number:.3f}".removeprefix("0")


def value_text(value: Value | None) -> str:
    """Return a value with its limits: ``0.9871 (0.9812–0.9911)``."""
    if value is None or value.value is None:
        return "–"
    if value.lower is None or value.upper is None:
        return four(value.value)
    return f"{four(value.value)} ({four(value.lower)}–{four(value.upper)})"


def p_words(number: float | None) -> str:
    """Return a p-value inside a sentence: ``p = .031``, ``p = 2e-07``."""
    text = p_value(number)
    return f"p {text}" if text.startswith("<") else f"p = {text}"
