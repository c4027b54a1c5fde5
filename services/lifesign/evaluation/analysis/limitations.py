"""What a report does not show, said plainly, from what the run did and did not have."""

import re
from collections.abc import Iterator, Sequence

from lifesign.evaluation.checks import GateEvidence
from lifesign.evaluation.metrics.intervals import upper_bound
from lifesign.evaluation.report.document import PadDocument
from lifesign.evaluation.report.wording import percent

__all__ = ["limitations"]

# Groups of people, and a word in the name of a column that tells them.
_PEOPLE = {"skin tone": {"skin", "tone", "ethnicity", "race"}, "age": {"age"}, "sex": {"sex", "gender"}}


def limitations(
    evidence: GateEvidence,
    *,
    run_subjects: int | None,
    named_samples: int,
    has_reference: bool,
    is_served: bool = True,
) -> tuple[str, ...]:
    """Return the limits of this evaluation, one sentence each.

    ``run_subjects`` is how many subjects the set names, ``named_samples`` of how many samples.
    """
    found: list[str] = []
    pad = evidence.pad
    if pad is not None:
        found.append(
            "Injection attacks (virtual cameras, hooked uploads) were not evaluated"
            + (": images went straight to the model server." if is_served else ".")
        )
        found.append(
            "The PAD subsystem was tested alone, without capture device or face matcher; full-system rates "
            "(IAPAR, RIAPAR) do not follow from these."
            if pad.full_system is None
            else "Full-system rates join this model's decisions with a matcher's that the data set tells; "
            "neither matcher nor capture device was run."
        )
        totals = [row.apcer.total for row in pad.species]
        if totals:
            found.append(
                f"The smallest species has {min(totals)} answered presentations: even without an error an "
                f"APCER below {percent(upper_bound(0, min(totals)) if min(totals) else 1.0)} cannot be shown "
                "for it. Species that are not in the set are not covered."
            )
        found += _threshold_limits(pad)
    found += _group_limits(evidence)
    if not is_served:
        found.append(
            "Scores were read from a file: nothing here shows that the model that is served gives them."
        )
    found += _subject_limits(run_subjects, named_samples, evidence.accounting.total)
    if not has_reference:
        found.append("The model card holds no reference profile, so drift could not be tested.")
    if evidence.baseline is None:
        found.append("No baseline run was given, so nothing is said about change.")
    return tuple(found)


def _subject_limits(subjects: int | None, named: int, samples: int) -> Iterator[str]:
    """Say what is known of who gave the samples, and what that does to intervals of independent ones."""
    if not subjects or not named:
        yield (
            "The data set names no subjects: intervals treat every image as independent, which several "
            "images of one person are not."
        )
        return
    repeats = named > subjects
    who = f"{subjects:,} {'subject' if subjects == 1 else 'subjects'} gave "
    if named < samples:
        who += (
            f"{named:,} of {samples:,} samples; the other {samples - named:,} name none and count as one each"
        )
    else:
        who += f"{samples:,} samples" if repeats else "one sample each"
    so = ", so the true uncertainty is larger; the limits by subject tell it" if repeats else ""
    yield f"Intervals of single rates treat presentations as independent. {who}{so}."


def _threshold_limits(pad: PadDocument) -> Iterator[str]:
    if pad.provenance is None or pad.provenance.source == "fixed":
        yield (
            "The threshold was given, not chosen on development data, so nothing was promised that these "
            "rates could be held against."
        )


def _group_limits(evidence: GateEvidence) -> Iterator[str]:
    """Say by what the groups could not be told apart; of a classifier nothing is known to be of people."""
    tested = {table.attribute for table in evidence.group_gaps}
    if not tested:
        yield "No column tells groups of enough samples, so differential performance was not tested."
    elif evidence.pad is not None:
        words = {word for name in tested for word in re.split(r"[^a-z]+", name.lower())}
        missing = [group for group, names in _PEOPLE.items() if not names & words]
        if missing:
            yield f"No column tells {_listed(missing)}, so differential performance was not tested there."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
