"""The HTTP application of the monitor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from lifesign import __version__
from lifesign.errors import ConfigurationError, ConflictError, InputError, LifesignError, StorageError
from lifesign.evaluation.monitor.routes import router
from lifesign.evaluation.monitor.service import Monitor
from lifesign.evaluation.store.runs import RunNotFoundError
from lifesign.problems import ProblemKind, ProblemTable, install_problems

__all__ = ["create_app"]

_INVALID = ProblemKind("invalid-request", 422, "The request is not valid")
_PROBLEMS: ProblemTable = {
    RunNotFoundError: ProblemKind("not-found", 404, "Not found"),
    InputError: _INVALID,
    ConfigurationError: _INVALID,
    ConflictError: ProblemKind("conflict", 409, "Not possible in this state"),
    StorageError: ProblemKind("storage", 503, "The storage refused", retry_after_seconds=10),
    LifesignError: ProblemKind("internal", 500, "Internal error"),
}


def create_app(monitor: Monitor) -> FastAPI:
    """Return the application; the monitor runs as long as the application does."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        monitor.start()
        try:
            yield
        finally:
            await run_in_threadpool(monitor.stop)

    app = FastAPI(
        title="Lifesign monitor",
        version=__version__,
        description="Evaluate served models on demand and on a schedule.",
        lifespan=lifespan,
        docs_url=None,  # the page would load its scripts from elsewhere
        redoc_url=None,
    )
    app.state.monitor = monitor
    app.include_router(router)
    install_problems(app, _PROBLEMS)
    return app
