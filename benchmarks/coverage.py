"""How often the intervals of a report cover the truth: exactly for one rate, by simulation for the rest.

    python benchmarks/coverage.py
    python benchmarks/coverage.py --only rates|subjects|jackknife|classes|areas|comparisons

Rates: the exact probability, summed over all outcomes, for n from 20 to 1,000 and true rates from 0.1 % to
50 %. Subjects: 20 to 50 people with several alike images each, for every number of ``subject_bootstrap``; the
jackknife of its AUC alone, over 144 settings with normal people and as many in which a few are far off;
accuracy and macro recall of classifiers, over 108 settings of 20 to 60 people. AUC: DeLong. Comparison:
Newcombe's paired interval, DeLong's paired one, with and without subjects. Seeds are fixed. Measured with 300
to 1,000 repeats, nominal 95 %:

    rate, Clopper–Pearson          least 95.2, mean 97.5
    rate, upper limit of a gate    least 95.2, mean 99.0
    rate, Wilson (display only)    least 86.1, mean 94.8
    AUC, DeLong, 20 to 200 each    94.6–96.2
    change of a rate, paired       97.6, with 40 subjects 95.8
    change of the AUC, paired      94.8, with 40 subjects 96.2
    20–50 subjects, rates          98.0–100 (as if independent: 69–97)
    20–50 subjects, EER, HTER      94.0–100
    20–50 subjects, AUC            96.4–100
    AUC, jackknife alone           least 95.0, mean 97.0: none of 144 settings below 95
    the same, people Student's t3  AUC .82: least 95.0; .93: 93.7, mean 95.8; .98: 88.8, mean 94.1
    20–60 subjects, accuracy       least 94.7, mean 97.4: 1 of 108 below 95 (as if independent: 33–97)
    20–60 subjects, macro recall   least 94.5, mean 97.3: 2 of 108 below 95

One person in thirty who is wrong throughout is not met among twenty: no interval knows of them, which is what
the rows with Student's t say.
"""

import argparse
import itertools
from collections import Counter

import numpy as np
from scipy import stats

from lifesign.evaluation.metrics.comparison import compare_errors
from lifesign.evaluation.metrics.delong import compare_areas
from lifesign.evaluation.metrics.intervals import clopper_pearson, upper_bound, wilson
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, auc
from lifesign.evaluation.metrics.subject_accuracy import SubjectAnswers
from lifesign.evaluation.metrics.subject_areas import SubjectWins, area_by_subject
from lifesign.evaluation.metrics.subject_bootstrap import subject_intervals

SIZES = (20, 50, 150, 200, 1000)
TRUE_RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# People, images of each kind, share of the margin's variance between people, distance of the kinds.
SETTINGS = ((20, 3, 0.3, 2.0), (20, 3, 0.7, 1.2), (20, 10, 0.5, 1.5), (30, 10, 0.5, 1.5), (50, 5, 0.3, 1.6))
NAMES = ("print", "replay")


def _upper_as_gated(errors: int, total: int) -> tuple[float, float]:
    """The upper limit that a gate reads: Clopper–Pearson's, one-sided (rule of 3) where there is no error."""
    return 0.0, upper_bound(0, total) if errors == 0 else clopper_pearson(errors, total).upper


def _both_as_printed(errors: int, total: int) -> tuple[float, float]:
    """Both limits as printed, read as one two-sided interval, which the one-sided ones are not."""
    lower = 1 - upper_bound(0, total) if errors == total else clopper_pearson(errors, total).lower
    return lower, _upper_as_gated(errors, total)[1]


def _rates() -> None:
    def exact(errors: int, total: int) -> tuple[float, float]:
        limits = clopper_pearson(errors, total)
        return limits.lower, limits.upper

    def score(errors: int, total: int) -> tuple[float, float]:
        limits = wilson(errors, total)
        return limits.lower, limits.upper

    methods = {
        "Clopper–Pearson": exact,
        "upper, as gated": _upper_as_gated,
        "both, as printed": _both_as_printed,
        "Wilson": score,
    }
    for name, method in methods.items():
        found = {}
        for size in SIZES:
            limits = np.array([method(errors, size) for errors in range(size + 1)])
            for rate in TRUE_RATES:
                inside = (limits[:, 0] <= rate) & (rate <= limits[:, 1])
                found[size, rate] = float(stats.binom.pmf(np.arange(size + 1), size, rate)[inside].sum())
        worst = min(found, key=found.__getitem__)
        under = sum(value < 0.95 - 1e-9 for value in found.values())
        print(
            f"{name:>16}: least {100 * found[worst]:.1f} % (n = {worst[0]}, rate {100 * worst[1]:g} %), mean "
            f"{100 * np.mean(list(found.values())):.1f} %, below 95 % in {under} of {len(found)} settings"
        )


def _drawn(rng: np.random.Generator, setting: tuple[int, int, float, float]) -> tuple[np.ndarray, ...]:
    people, each, alike, shift = setting
    subject = np.repeat(np.arange(people), 3 * each)
    species = np.tile(np.repeat([-1, 0, 1], each), people)
    middle = np.choose(species + 1, [shift, -shift, -0.7 * shift])
    own = rng.normal(0, np.sqrt(alike), (people, 3))[subject, species + 1]
    return subject, species, middle + own + rng.normal(0, np.sqrt(1 - alike), len(subject))


def _truth(shift: float) -> dict[str, float]:
    rates = {"BPCER": stats.norm.cdf(-shift), "APCER of print": stats.norm.cdf(-shift)}
    rates["APCER of replay"] = rates["APCER max"] = stats.norm.cdf(-0.7 * shift)
    rates["HTER"] = (rates["BPCER"] + (rates["APCER of print"] + rates["APCER of replay"]) / 2) / 2
    grid = np.linspace(-6, 6, 120_001)
    accepted = (stats.norm.sf(grid + shift) + stats.norm.sf(grid + 0.7 * shift)) / 2
    rejected = stats.norm.cdf(grid - shift)
    best = np.abs(accepted - rejected).argmin()
    rates["EER"] = (accepted[best] + rejected[best]) / 2
    rates["AUC"] = (stats.norm.cdf(2 * shift / 2**0.5) + stats.norm.cdf(1.7 * shift / 2**0.5)) / 2
    return {name: float(value) for name, value in rates.items()}


def _subjects(repeats: int) -> None:
    for setting in SETTINGS:
        true, hits, naive = _truth(setting[3]), Counter[str](), 0
        rng = np.random.default_rng(0)
        for _ in range(repeats):
            subject, species, margin = _drawn(rng, setting)
            scores = 1 / (1 + np.exp(-margin))
            words = subject.astype(str)
            for one in subject_intervals(scores, species, NAMES, words, threshold=0.5):
                hits[one.name] += true[one.name] in one.interval
            errors = int((scores[species == 1] >= 0.5).sum())
            naive += true["APCER max"] in clopper_pearson(errors, int((species == 1).sum()))
        people, each, alike, _ = setting
        words = ", ".join(f"{name} {100 * hits[name] / repeats:.1f}" for name in true)
        print(f"{people} people, 3 × {each} images, {alike:g} alike: {words}")
        print(f"    (as if independent: APCER of replay {100 * naive / repeats:.1f})")


def _people_scored(
    rng: np.random.Generator, setting: tuple[int, tuple[int, int], float, float, float, bool]
) -> tuple[np.ndarray, ...]:
    """Draw margins of people who give different numbers of bona fide and attack images."""
    people, each, alike, shift, shared, heavy = setting

    def drawn() -> np.ndarray:
        return rng.standard_t(3, people) / 3**0.5 if heavy else rng.normal(0, 1, people)

    genuine = drawn()
    own = np.stack([shared * genuine + (1 - shared**2) ** 0.5 * drawn(), genuine])
    counts = [rng.integers(1, 2 * mean + 1, people) if mean > 1 else np.ones(people, int) for mean in each]
    positive = np.repeat([True, False], [int(one.sum()) for one in counts])
    subject = np.concatenate([np.repeat(np.arange(people), one) for one in counts])
    margin = np.where(positive, shift, -shift) + alike**0.5 * own[positive.astype(int), subject]
    return margin + rng.normal(0, (1 - alike) ** 0.5, len(subject)), positive, subject


def _true_area(alike: float, shift: float, heavy: bool) -> float:
    rng = np.random.default_rng(3)
    own = rng.standard_t(3, (2, 1_000_000)) / 3**0.5 if heavy else rng.normal(0, 1, (2, 1_000_000))
    gap = 2 * shift + alike**0.5 * (own[0] - own[1])
    return float(stats.norm.cdf(gap / (2 * (1 - alike)) ** 0.5).mean())


def _areas_by_subject(repeats: int) -> None:
    """The jackknife of ``subject_areas`` alone, without the bootstrap it is joined with."""
    for heavy in (False, True):
        found = {}
        for people, each, alike, shift, shared in itertools.product(
            (20, 30, 50), ((3, 3), (3, 9), (10, 10), (1, 7)), (0.3, 0.7), (0.6, 1.0, 1.5), (0.0, 0.6)
        ):
            setting = (people, each, alike, shift, shared, heavy)
            rng, true = np.random.default_rng(len(found)), _true_area(alike, shift, heavy)
            drawn = (SubjectWins.from_samples(*_people_scored(rng, setting)) for _ in range(repeats))
            found[setting] = sum(true in area_by_subject(wins) for wins in drawn) / repeats
        worst = min(found, key=found.__getitem__)
        kind = "rare people who are far off (Student's t, 3)" if heavy else "people normal"
        for shift in (0.6, 1.0, 1.5):
            part = np.array([value for setting, value in found.items() if setting[3] == shift])
            print(
                f"AUC by subject, {kind}, AUC {_true_area(0.5, shift, heavy):.2f}: least "
                f"{100 * part.min():.1f}, mean {100 * part.mean():.1f}, {(part < 0.95).sum()} of {len(part)} "
                "settings below 95"
            )
        print(f"    least: {100 * found[worst]:.1f} for {worst}")


def _accuracies(repeats: int) -> None:
    """Accuracy and macro recall of classifiers by subjects, over 108 settings, and what ignores subjects."""
    found: dict[str, dict[tuple[object, ...], float]] = {
        "accuracy": {},
        "macro recall": {},
        "as if independent": {},
    }
    for setting in itertools.product((20, 35, 60), (3, 10, 30), (0.1, 0.4), (0.03, 0.1, 0.3), (2, 10)):
        people, mean, alike, rate, classes = setting
        rng, hits = np.random.default_rng(len(found["accuracy"])), Counter[str]()
        strength = (1 - alike) / alike
        for _ in range(repeats):
            subject = np.repeat(np.arange(people), rng.integers(1, 2 * mean + 1, people))
            label = rng.integers(0, classes, len(subject))
            own = rng.beta(rate * strength, (1 - rate) * strength, people)[subject]
            wrong = rng.random(len(subject)) < own
            predicted = np.where(wrong, (label + 1) % classes, label)
            answers = SubjectAnswers.from_samples(label, predicted, subject, classes=classes)
            hits["accuracy"] += 1 - rate in answers.accuracy_interval()
            hits["macro recall"] += 1 - rate in answers.macro_recall_interval()
            hits["as if independent"] += rate in clopper_pearson(int(wrong.sum()), len(wrong))
        for name, values in found.items():
            values[setting] = 100 * hits[name] / repeats
    for name, values in found.items():
        least = min(values, key=values.__getitem__)
        print(
            f"classifier, {name}: least {values[least]:.1f} at {least}, mean "
            f"{np.mean(list(values.values())):.1f}, {sum(one < 95 for one in values.values())} of "
            f"{len(values)} settings below 95"
        )


def _areas(repeats: int) -> None:
    rng, true = np.random.default_rng(1), float(stats.norm.cdf(2 / 2**0.5))
    for size in (20, 60, 200):
        hits = 0
        for _ in range(repeats):
            margin = np.concatenate([rng.normal(2, 1, size), rng.normal(0, 1, size)])
            scores = 1 / (1 + np.exp(-margin))
            hist = ScoreHistogram.from_batch(("n", "p"), np.repeat([1, 0], size), scores)
            hits += true in auc(hist, {"p"}, {"n"}).interval
        print(f"DeLong, {size} of each class: AUC {100 * hits / repeats:.1f}")


def _comparisons(repeats: int) -> None:
    rng = np.random.default_rng(2)
    hits = Counter[str]()
    rates = stats.norm.cdf([-1.5, -1.3])
    areas = stats.norm.cdf(np.array([3.0, 2.6]) / 2**0.5)
    for _ in range(repeats):
        subject = np.repeat(np.arange(40), 10)
        truth = np.tile(np.repeat([True, False], 5), 40)
        side = np.where(truth, 1.0, -1.0)
        own = rng.normal(0, 0.3**0.5, (40, 2))[subject, truth.astype(int)]
        common = own + rng.normal(0, 0.3**0.5, len(subject))
        one, two = (shift * side + common + rng.normal(0, 0.4**0.5, len(subject)) for shift in (1.5, 1.3))
        words = subject.astype(str)
        wrong = [(margin > 0) != truth for margin in (one, two)]
        change, gain = rates[1] - rates[0], areas[1] - areas[0]
        hits["error rate, subjects"] += change in compare_errors(*wrong, words).interval
        hits["AUC, subjects"] += gain in compare_areas(one, two, truth, words).interval
        fresh = rng.normal(0, 0.6**0.5, len(subject))
        one, two = (shift * side + fresh + rng.normal(0, 0.4**0.5, len(subject)) for shift in (1.5, 1.3))
        wrong = [(margin > 0) != truth for margin in (one, two)]
        hits["error rate, independent"] += change in compare_errors(*wrong).interval
        hits["AUC, independent"] += gain in compare_areas(one, two, truth).interval
    words = ", ".join(f"{name} {100 * count / repeats:.1f}" for name, count in sorted(hits.items()))
    print(f"paired changes, 400 samples of 40 people: {words}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument(
        "--only", choices=("rates", "subjects", "areas", "jackknife", "classes", "comparisons")
    )
    options = parser.parse_args()
    parts = {
        "rates": _rates,
        "subjects": lambda: _subjects(options.repeats),
        "areas": lambda: _areas(options.repeats),
        "jackknife": lambda: _areas_by_subject(options.repeats),
        "classes": lambda: _accuracies(options.repeats),
        "comparisons": lambda: _comparisons(options.repeats),
    }
    for name, show in parts.items():
        if options.only in (None, name):
            show()


if __name__ == "__main__":
    main()
