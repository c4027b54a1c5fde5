"""The gateway as an ASGI application."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry

from lifesign import __version__
from lifesign.client import AsyncPredictionClient
from lifesign.gateway.admission import Admission
from lifesign.gateway.api_keys import ApiKeys
from lifesign.gateway.cards import CardShelf
from lifesign.gateway.instruments import GatewayInstruments
from lifesign.gateway.openapi import COMPONENTS, DESCRIPTION
from lifesign.gateway.rejections import PROBLEMS
from lifesign.gateway.routes import operations, predictions
from lifesign.gateway.service import LivenessService
from lifesign.gateway.settings import GatewaySettings
from lifesign.gateway.state import GatewayState
from lifesign.gateway.traffic import TrafficMiddleware
from lifesign.gateway.unread import UnreadBodyMiddleware
from lifesign.gateway.uploads import UploadLimits
from lifesign.preprocessing import ImageLimits
from lifesign.problems import install_problems

__all__ = ["create_app"]

_ROUTES = ("/v1/liveness", "/v1/liveness:batch")
# Twice what is accepted is somebody's mistake, who should read why; more is not worth the bytes.
_DISCARDED_BATCHES = 2


def create_app(settings: GatewaySettings, *, registry: CollectorRegistry | None = None) -> FastAPI:
    """Return the application; the connection to the model server is made when it starts.

    Raises:
        ConfigurationError: the API keys file is not usable.
    """
    instruments = GatewayInstruments(registry or CollectorRegistry(), revision=settings.revision)
    instruments.announce(model=settings.model, routes=_ROUTES)
    keys = ApiKeys.read(settings.api_keys_file) if settings.api_keys_file else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client = AsyncPredictionClient(
            settings.target, model=settings.model, timeout_seconds=settings.request_timeout_seconds
        )
        with ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode") as decoders:
            app.state.gateway = _state(settings, client, decoders, instruments, keys)
            yield
        await client.close()

    app = FastAPI(
        title="Lifesign gateway",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        # The usual page loads its scripts from elsewhere; ours works without the internet.
        docs_url=None,
        redoc_url=None,
        openapi_tags=[
            {"name": "liveness", "description": "Decide about images."},
            {"name": "model", "description": "What is served, and with which thresholds."},
            {"name": "operation", "description": "For orchestrators and Prometheus."},
        ],
    )
    app.include_router(predictions)
    app.include_router(operations)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    install_problems(app, PROBLEMS, on_problem=instruments.count_rejection)
    app.add_middleware(TrafficMiddleware, instruments=instruments)
    # Around the traffic, which would count the time of a body that nobody wants.
    app.add_middleware(
        UnreadBodyMiddleware,
        max_bytes=_DISCARDED_BATCHES * settings.max_batch_bytes,
        seconds=settings.upload_timeout_seconds,
    )
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the document with the problem schema and without the framework's own error schemas."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas.update(COMPONENTS)
        app.openapi_schema = document
    return app.openapi_schema


def _state(
    settings: GatewaySettings,
    client: AsyncPredictionClient,
    decoders: ThreadPoolExecutor,
    instruments: GatewayInstruments,
    keys: ApiKeys | None,
) -> GatewayState:
    service = LivenessService(
        client,
        CardShelf(settings.model_base_path, settings.model),
        model=settings.model,
        instruments=instruments,
        decoders=decoders,
        limits=ImageLimits(settings.max_image_bytes, settings.max_image_pixels),
        min_image_side=settings.min_image_side,
    )
    limits = UploadLimits(
        settings.max_image_bytes,
        settings.max_batch_bytes,
        settings.max_batch_images,
        settings.upload_timeout_seconds,
    )
    admission = Admission(settings.max_in_flight, instruments.in_flight)
    return GatewayState(settings, service, instruments, admission, limits, keys)
