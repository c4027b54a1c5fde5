"""The JSON of the gateway; every field is measured or comes from the model card."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lifesign.problems import Problem

__all__ = [
    "BatchAnswer",
    "BatchItem",
    "Detail",
    "ExpectedRates",
    "FaceRegion",
    "InputFacts",
    "LivenessAnswer",
    "ModelFacts",
    "ModelList",
    "QualityFacts",
    "QualityNote",
    "ServedModel",
    "ThresholdFacts",
    "ThresholdList",
    "Timing",
]

Detail = Literal["full", "minimal"]
Decision = Literal["bona_fide", "attack", "not_evaluated"]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExpectedRates(_Document):
    """What the threshold achieved on development data, with 95 % Clopper–Pearson intervals."""

    bpcer: float | None = Field(
        default=None, description="share of bona fide presentations that were refused"
    )
    bpcer_ci: tuple[float, float] | None = None
    apcer_max: float | None = Field(
        default=None, description="share of attacks accepted, of the worst species"
    )
    apcer_max_ci: tuple[float, float] | None = None


class ThresholdFacts(_Document):
    """The operating point that the decision used: bona fide if and only if score >= value."""

    id: str
    value: float
    criterion: str = Field(description="how it was chosen, such as apcer_max<=0.05")
    source: Literal["dev", "fixed"] = Field(description="dev: chosen on development data; fixed: set by hand")
    expected: ExpectedRates | None = None


class QualityNote(_Document):
    """Something measured that makes the score less sure."""

    code: str
    value: float | None = None
    limit: float | None = None


class QualityFacts(_Document):
    """A rejected image is not evaluated; that is never called an attack."""

    verdict: Literal["ok", "warn", "reject"]
    warnings: list[QualityNote]


class FaceRegion(_Document):
    """Which part of the image was judged."""

    source: Literal["full_image"] = "full_image"


class ModelFacts(_Document):
    """The version that answered."""

    name: str
    version: str
    preprocessing: str = Field(description="how the pixels were made; changes whenever they may")


class InputFacts(_Document):
    """The image as it was received; width and height are those after EXIF rotation, in pixels."""

    sha256: str
    width: int
    height: int
    format: str
    exif_orientation: int


class Timing(_Document):
    """Milliseconds; inference is the call to the model server."""

    queue: float
    decode: float
    inference: float | None = None
    total: float


class LivenessAnswer(_Document):
    """The decision about one image. With ``detail=minimal`` only the first three fields are sent."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "request_id": "5c0d9c3e8d1f4f6d9b6a1f0a7c3b2e11",
                    "status": "ok",
                    "decision": "bona_fide",
                    "score": 0.9731,
                    "score_semantics": "probability_bona_fide",
                    "threshold": {
                        "id": "dev-eer",
                        "value": 0.812,
                        "criterion": "eer",
                        "source": "dev",
                        "expected": {"bpcer": 0.031, "bpcer_ci": [0.02, 0.046]},
                    },
                    "quality": {"verdict": "ok", "warnings": []},
                    "face": {"source": "full_image"},
                    "model": {
                        "name": "liveness",
                        "version": "7",
                        "preprocessing": "exif>srgb>resize112x112-bilinear-aa",
                    },
                    "input": {
                        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                        "width": 1080,
                        "height": 1440,
                        "format": "JPEG",
                        "exif_orientation": 6,
                    },
                    "timing_ms": {"queue": 0.1, "decode": 4.1, "inference": 11.8, "total": 17.2},
                }
            ]
        },
    )

    request_id: str
    status: Literal["ok"] = Field(description="the request was worked on; problems have their own document")
    decision: Decision = Field(
        description="not_evaluated: the image was rejected for its quality, or the model has no threshold"
    )
    score: float | None = Field(default=None, ge=0, le=1)
    score_semantics: Literal["probability_bona_fide"] | None = None
    threshold: ThresholdFacts | None = None
    quality: QualityFacts | None = None
    face: FaceRegion | None = None
    model: ModelFacts | None = None
    input: InputFacts | None = None
    timing_ms: Timing | None = None


class BatchItem(_Document):
    """Exactly one of ``result`` and ``problem``."""

    index: int = Field(description="position in the request, from 0")
    result: LivenessAnswer | None = None
    problem: Problem | None = None


class BatchAnswer(_Document):
    """One item for every image of the request, in its order."""

    request_id: str
    evaluated: int = Field(description="items with a decision of bona_fide or attack")
    failed: int = Field(description="items with a problem")
    items: list[BatchItem]


class ServedModel(_Document):
    """One version that the model server knows."""

    name: str
    version: str
    state: str = Field(description="START, LOADING, AVAILABLE, UNLOADING or END")
    class_names: list[str] | None = None
    preprocessing: str | None = None
    training_data_digest: str | None = None
    created_at: str | None = None


class ModelList(_Document):
    """The versions that the model server knows, newest first."""

    models: list[ServedModel]


class ThresholdList(_Document):
    """The operating points of the version that answers now."""

    model: ModelFacts
    default: str | None
    thresholds: Annotated[list[ThresholdFacts], Field(description="pass an id as threshold_id")]
