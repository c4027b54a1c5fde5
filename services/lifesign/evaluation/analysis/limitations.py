"""What a report does not show, said plainly, from what the run did and did not have."""

from lifesign.evaluation.checks import GateEvidence
from lifesign.evaluation.metrics.intervals import upper_bound
from lifesign.evaluation.report.wording import percent

__all__ = ["limitations"]


def limitations(
    evidence: GateEvidence, *, run_subjects: int | None, has_reference: bool, is_served: bool = True
) -> tuple[str, ...]:
    """Return the limits of this evaluation, one sentence each."""
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
    if not is_served:
        found.append(
            "Scores were read from a file: nothing here shows that the model that is served gives them."
        )
    if run_subjects is None:
        found.append(
            "The data set names no subjects: intervals treat every image as independent, which several "
            "images of one person are not."
        )
    else:
        found.append(
            f"Intervals of single rates treat presentations as independent. {run_subjects} subjects gave "
            f"{evidence.accounting.total} samples, so the true uncertainty is larger"
            "; the limits by subject tell it."
        )
    if not has_reference:
        found.append("The model card holds no reference profile, so drift could not be tested.")
    if evidence.baseline is None:
        found.append("No baseline run was given, so nothing is said about change.")
    return tuple(found)
