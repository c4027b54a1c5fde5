"""Assessments as the documents that are sent."""

from lifesign.gateway import schemas
from lifesign.gateway.service import Assessment
from lifesign.model_card import ModelCard, OperatingPoint, RateEvidence

__all__ = ["liveness_answer", "model_facts", "threshold_facts"]


def liveness_answer(
    assessment: Assessment, *, request_id: str, detail: schemas.Detail, total_seconds: float
) -> schemas.LivenessAnswer:
    """Return the answer for one image; ``minimal`` tells an untrusted client nothing to climb on."""
    if detail == "minimal":
        return schemas.LivenessAnswer(request_id=request_id, status="ok", decision=assessment.decision)
    decoded = assessment.picture.decoded
    return schemas.LivenessAnswer(
        request_id=request_id,
        status="ok",
        decision=assessment.decision,
        score=assessment.score,
        score_semantics="probability_bona_fide" if assessment.score is not None else None,
        threshold=threshold_facts(assessment.point) if assessment.point else None,
        quality=schemas.QualityFacts(
            verdict=assessment.quality.verdict,
            warnings=[
                schemas.QualityNote(code=item.code, value=item.value, limit=item.limit)
                for item in assessment.quality.warnings
            ],
        ),
        face=schemas.FaceRegion(),
        model=model_facts(assessment.card),
        input=schemas.InputFacts(
            sha256=assessment.picture.sha256,
            width=decoded.width,
            height=decoded.height,
            format=decoded.format,
            exif_orientation=decoded.orientation,
        ),
        timing_ms=schemas.Timing(
            queue=_milliseconds(assessment.picture.queue_seconds),
            decode=_milliseconds(assessment.picture.decode_seconds),
            inference=None
            if assessment.inference_seconds is None
            else _milliseconds(assessment.inference_seconds),
            total=_milliseconds(total_seconds),
        ),
    )


def model_facts(card: ModelCard) -> schemas.ModelFacts:
    """Return name, version and preprocessing of a card."""
    return schemas.ModelFacts(
        name=card.name, version=str(card.version), preprocessing=card.preprocessing.fingerprint
    )


def threshold_facts(point: OperatingPoint) -> schemas.ThresholdFacts:
    """Return an operating point with what it achieved on development data, where that is known."""
    bpcer, apcer = point.bpcer, point.apcer_max
    expected = None
    if bpcer is not None or apcer is not None:
        expected = schemas.ExpectedRates(
            bpcer=bpcer.value if bpcer else None,
            bpcer_ci=_interval(bpcer),
            apcer_max=apcer.value if apcer else None,
            apcer_max_ci=_interval(apcer),
        )
    return schemas.ThresholdFacts(
        id=point.id,
        value=point.threshold,
        criterion=point.criterion,
        source=point.source,
        expected=expected,
    )


def _interval(rate: RateEvidence | None) -> tuple[float, float] | None:
    return None if rate is None else (rate.lower, rate.upper)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
