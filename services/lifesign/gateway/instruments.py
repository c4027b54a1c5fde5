"""The Prometheus instruments of the gateway."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from lifesign import __version__
from lifesign.gateway.rejections import REJECTION_REASONS, rejection_reason

__all__ = ["GatewayInstruments"]

# 0.25 and 1 s are the edges of the latency objectives; the small ones show a warm GPU backend.
_SECONDS = (0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class GatewayInstruments:
    """What the gateway counts and times, registered with one registry.

    Labels have few values: the route is its template, never the path; no id of a request, caller or image.
    """

    def __init__(self, registry: CollectorRegistry, *, revision: str = "unknown") -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "lifesign_gateway_requests_total",
            "HTTP requests answered, by route template, method and status code.",
            ("route", "method", "code"),
            registry=registry,
        )
        self.duration = Histogram(
            "lifesign_gateway_request_duration_seconds",
            "Time from the request's first byte to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "lifesign_gateway_requests_in_flight",
            "Predict requests being worked on, of at most max_in_flight.",
            registry=registry,
        )
        self.rejected = Counter(
            "lifesign_gateway_rejected_total",
            "Images and requests turned away before the model saw them, by reason.",
            ("reason",),
            registry=registry,
        )
        self.backend_duration = Histogram(
            "lifesign_backend_request_duration_seconds",
            "Time of one Predict call to the model server, successful or not.",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.backend_errors = Counter(
            "lifesign_backend_errors_total",
            "Predict calls that failed, by gRPC status code.",
            ("grpc_code",),
            registry=registry,
        )
        self.predictions = Counter(
            "lifesign_predictions_total",
            "Images decided, by model, the version that answered, and the decision.",
            ("model", "model_version", "predicted"),
            registry=registry,
        )
        self.score = Histogram(
            "lifesign_prediction_score",
            "Score of each image, P(bona fide): the cheap live sign of drift.",
            ("model",),
            buckets=_SCORES,
            registry=registry,
        )
        build = Gauge(
            "lifesign_build_info", "Always 1; says what runs.", ("version", "revision"), registry=registry
        )
        build.labels(version=__version__, revision=revision).set(1)
        for reason in REJECTION_REASONS:
            self.rejected.labels(reason=reason)
        for code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "RESOURCE_EXHAUSTED"):
            self.backend_errors.labels(grpc_code=code)

    def count_rejection(self, error: Exception) -> None:
        """Count an image or request that was turned away; errors that are not the caller's are ignored."""
        reason = rejection_reason(error)
        if reason is not None:
            self.rejected.labels(reason=reason).inc()

    def announce(self, *, model: str, routes: Iterable[str]) -> None:
        """Create the series of known labels at 0, so that a rate over the first event is right."""
        self.backend_duration.labels(model=model)
        self.score.labels(model=model)
        for route in routes:
            self.duration.labels(route=route)
