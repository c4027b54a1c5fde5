"""The HTTP routes of the gateway."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client.exposition import choose_encoder

from lifesign.errors import DeadlineError, LifesignError, NotReadyError
from lifesign.gateway import openapi, schemas
from lifesign.gateway.answers import liveness_answer, model_facts, threshold_facts
from lifesign.gateway.docs_page import render_docs
from lifesign.gateway.rejections import PROBLEMS, InvalidFieldError, UnauthorizedError
from lifesign.gateway.service import Assessment, Job
from lifesign.gateway.state import GatewayState, state_of
from lifesign.gateway.uploads import Upload, read_batch, read_single
from lifesign.problems import Problem, find_kind, problem_document, request_id_of

__all__ = ["operations", "predictions"]

_STATUS_SECONDS = 2.0

ThresholdId = Annotated[
    str | None,
    Query(max_length=200, description="an id from /v1/thresholds; without one, the model's default"),
]
DetailOf = Annotated[
    schemas.Detail | None,
    Query(description="minimal: decision and request id only, for clients that are not trusted"),
]
State = Annotated[GatewayState, Depends(state_of)]


def _authorise(request: Request, state: State) -> None:
    if state.api_keys is None:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    if not key:
        raise UnauthorizedError("expected a key in 'Authorization: Bearer …' or 'X-API-Key'")
    if state.api_keys.identify(key) is None:
        raise UnauthorizedError("the API key is not known")


def _refuse_unknown(request: Request) -> None:
    """Refuse a parameter that the route does not take: left unread, it would pass for obeyed."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    if unknown := sorted(request.query_params.keys() - known):
        expected = ", ".join(sorted(known)) or "none"
        raise InvalidFieldError(f"unknown query parameter {unknown[0][:40]!r}; expected {expected}")


predictions = APIRouter(prefix="/v1", dependencies=[Depends(_authorise), Depends(_refuse_unknown)])
operations = APIRouter()


@predictions.post(
    "/liveness",
    tags=["liveness"],
    summary="Is this face live?",
    response_model=schemas.LivenessAnswer,
    response_model_exclude_none=True,
    responses=openapi.PREDICTION_PROBLEMS,
    openapi_extra=openapi.SINGLE_BODY,
)
async def liveness(
    request: Request, state: State, threshold_id: ThresholdId = None, detail: DetailOf = None
) -> schemas.LivenessAnswer:
    """Decide about one image.

    An attack is a result, so it is answered with 200 like a bona fide presentation. Send the image as the
    raw body, as the multipart file `image`, or as base64 in JSON. `threshold_id` and `detail` may be query
    parameters or fields of the form or document.
    """
    started = time.monotonic()
    with state.admission.enter():
        upload = await read_single(request, state.limits)
        (assessment,), shown = await _assessed(request, state, upload, threshold_id, detail)
    if isinstance(assessment, LifesignError):
        raise assessment
    return liveness_answer(
        assessment,
        request_id=request_id_of(request),
        detail=shown,
        total_seconds=time.monotonic() - started,
    )


@predictions.post(
    "/liveness:batch",
    tags=["liveness"],
    summary="Decide about several images at once",
    response_model=schemas.BatchAnswer,
    response_model_exclude_none=True,
    responses=openapi.PREDICTION_PROBLEMS,
    openapi_extra=openapi.BATCH_BODY,
)
async def liveness_batch(
    request: Request, state: State, threshold_id: ThresholdId = None, detail: DetailOf = None
) -> schemas.BatchAnswer:
    """Decide about several images with one call to the model.

    Every image gets one item in the order of the request: a result, or a problem of its own. One unusable
    image does not spoil the others.
    """
    started, request_id = time.monotonic(), request_id_of(request)
    with state.admission.enter():
        upload = await read_batch(request, state.limits)
        assessments, shown = await _assessed(request, state, upload, threshold_id, detail)
    total = time.monotonic() - started
    items = [
        schemas.BatchItem(index=index, problem=_item_problem(found, request_id))
        if isinstance(found, LifesignError)
        else schemas.BatchItem(
            index=index,
            result=liveness_answer(found, request_id=request_id, detail=shown, total_seconds=total),
        )
        for index, found in enumerate(assessments)
    ]
    for found in assessments:
        if isinstance(found, LifesignError):
            state.instruments.count_rejection(found)
    decided = sum(item.result is not None and item.result.decision != "not_evaluated" for item in items)
    failed = sum(item.problem is not None for item in items)
    return schemas.BatchAnswer(request_id=request_id, evaluated=decided, failed=failed, items=items)


@predictions.get(
    "/models",
    tags=["model"],
    summary="Which versions are served",
    response_model=schemas.ModelList,
    response_model_exclude_none=True,
    responses=openapi.QUERY_PROBLEMS,
)
async def models(state: State) -> schemas.ModelList:
    """List the versions that the model server knows, with what their model cards say."""
    statuses = await state.service.client.status(timeout_seconds=_STATUS_SECONDS)
    return schemas.ModelList(
        models=[_served(state, item.version, item.state) for item in statuses if item.state != "END"]
    )


@predictions.get(
    "/thresholds",
    tags=["model"],
    summary="Which thresholds a request may choose",
    response_model=schemas.ThresholdList,
    responses=openapi.QUERY_PROBLEMS,
)
async def thresholds(state: State) -> schemas.ThresholdList:
    """List the operating points of the version that answers now, with their development-set evidence."""
    card = await state.service.current_card(timeout_seconds=_STATUS_SECONDS)
    return schemas.ThresholdList(
        model=model_facts(card),
        default=card.default_operating_point,
        thresholds=[threshold_facts(point) for point in card.operating_points],
    )


@operations.get("/livez", tags=["operation"], summary="Is the process alive?")
async def livez() -> dict[str, str]:
    """Answer as long as the process can; it asks nothing of the model server."""
    return {"status": "alive"}


@operations.get(
    "/readyz", tags=["operation"], summary="Can it serve?", responses={503: openapi.problem("Not ready")}
)
async def readyz(state: State) -> dict[str, str]:
    """Answer 200 if a version is AVAILABLE and has its card; 503 if not, and from SIGTERM on."""
    if state.draining:
        raise NotReadyError("the gateway is shutting down", code="UNAVAILABLE")
    try:
        card = await state.service.current_card(timeout_seconds=_STATUS_SECONDS)
    except DeadlineError as error:
        raise NotReadyError(
            f"the model server did not answer within {_STATUS_SECONDS:g} s", code=error.code
        ) from error
    return {"status": "ready", "model": card.name, "version": str(card.version)}


@operations.get("/docs", include_in_schema=False, response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """Show the OpenAPI document for people; the page loads nothing from elsewhere."""
    return HTMLResponse(render_docs(request.app.openapi()))


@operations.get("/metrics", tags=["operation"], summary="Prometheus instruments", response_class=Response)
async def metrics(request: Request, state: State) -> Response:
    """Expose the instruments in the text format that the scraper asks for."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(state.instruments.registry), headers={"Content-Type": content_type})


async def _assessed(
    request: Request,
    state: GatewayState,
    upload: Upload,
    threshold_id: str | None,
    detail: schemas.Detail | None,
) -> tuple[list[Assessment | LifesignError], schemas.Detail]:
    """Return what is said of each image of an upload, and how much of it is shown."""
    wanted, shown = _options(upload, threshold_id, detail)
    deadline = time.monotonic() + state.settings.request_timeout_seconds
    job = Job(request_id_of(request), deadline, wanted)
    return await state.service.assess(upload.images, job), shown


def _options(
    upload: Upload, threshold_id: str | None, detail: schemas.Detail | None
) -> tuple[str | None, schemas.Detail]:
    """Return threshold id and detail from the query or the body; the two places may not disagree."""
    wanted = _same("threshold_id", threshold_id, upload.options.get("threshold_id"))
    shown = _same("detail", detail, upload.options.get("detail")) or "full"
    if shown == "minimal":
        return wanted, "minimal"
    if shown == "full":
        return wanted, "full"
    raise InvalidFieldError(f"detail: expected 'full' or 'minimal', got {shown[:40]!r}")


def _same(name: str, in_query: str | None, in_body: str | None) -> str | None:
    if in_query is not None and in_body is not None and in_query != in_body:
        raise InvalidFieldError(f"{name} differs between the query and the body")
    return in_body if in_query is None else in_query


def _item_problem(error: LifesignError, request_id: str) -> Problem:
    kind = find_kind(error, PROBLEMS)
    assert kind is not None
    extra = {} if (reason := getattr(error, "reason", None)) is None else {"reason": str(reason)}
    return Problem.model_validate(problem_document(kind, str(error), request_id=request_id, **extra))


def _served(state: GatewayState, version: int, status: str) -> schemas.ServedModel:
    name = state.service.model
    try:
        card = state.service.card(version)
    except LifesignError:
        # A version may be served before, or after, its folder is visible here.
        return schemas.ServedModel(name=name, version=str(version), state=status)
    return schemas.ServedModel(
        name=name,
        version=str(version),
        state=status,
        class_names=list(card.class_names),
        preprocessing=card.preprocessing.fingerprint,
        training_data_digest=card.training_data_digest or None,
        created_at=card.created_at or None,
    )
