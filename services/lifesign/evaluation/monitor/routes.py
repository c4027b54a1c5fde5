"""Routes of the monitor: ask for evaluations, read reports, watch."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from prometheus_client.exposition import choose_encoder

from lifesign.errors import ConflictError, InputError
from lifesign.evaluation.monitor.pages import front_page
from lifesign.evaluation.monitor.schemas import (
    EvaluationPage,
    EvaluationRequest,
    EvaluationView,
    SchedulesView,
    ScheduleView,
)
from lifesign.evaluation.monitor.service import Monitor
from lifesign.evaluation.store.figures import latest_succeeded
from lifesign.evaluation.store.rows import RunStatus
from lifesign.evaluation.store.run import Run
from lifesign.problems import Problem

__all__ = ["router"]

_LIST_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
# The report brings its own style, script and pictures inside the page, and asks for nothing else.
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REPORT = "report.html"


def _monitor(request: Request) -> Monitor:
    monitor: Monitor = request.app.state.monitor
    return monitor


MonitorOf = Annotated[Monitor, Depends(_monitor)]
Cursor = Annotated[str | None, Query(max_length=40, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=200, description="evaluations per page")]

router = APIRouter(
    responses={"4XX": {"model": Problem, "description": "The caller can do something about it"}}
)


@router.post("/v1/evaluations", status_code=202)
def ask_for_evaluation(wish: EvaluationRequest, monitor: MonitorOf, response: Response) -> EvaluationView:
    """Queue an evaluation, by name or with its whole config."""
    if wish.evaluation is not None:
        run = monitor.intake.by_name(wish.evaluation)
    elif monitor.settings.accept_configs:
        run = monitor.intake.by_config(wish.config or {})
    else:
        raise InputError("config: this monitor takes names of configured evaluations only")
    view = EvaluationView.from_run(run)
    response.headers["Location"] = view.links["self"]
    return view


@router.get("/v1/evaluations")
def list_evaluations(
    monitor: MonitorOf, limit: Limit = 50, state: RunStatus | None = None, cursor: Cursor = None
) -> EvaluationPage:
    """List evaluations, newest first."""
    runs, next_cursor = _page(monitor, limit=limit, state=state, cursor=cursor)
    views = tuple(EvaluationView.from_run(run) for run in runs)
    return EvaluationPage(evaluations=views, next_cursor=next_cursor)


@router.post("/v1/evaluations/{evaluation_id}:cancel", status_code=202)
def cancel_evaluation(evaluation_id: str, monitor: MonitorOf) -> EvaluationView:
    """Cancel a waiting evaluation, or ask a running one to stop at its next batch."""
    return EvaluationView.from_run(monitor.store.cancel(evaluation_id))


@router.get("/v1/evaluations/{evaluation_id}")
def show_evaluation(evaluation_id: str, monitor: MonitorOf) -> EvaluationView:
    """Show one evaluation."""
    return EvaluationView.from_run(monitor.store.get(evaluation_id))


@router.get("/v1/evaluations/{evaluation_id}/report.json")
def report_json(evaluation_id: str, monitor: MonitorOf) -> Response:
    """Return the report document."""
    run = _succeeded(monitor, evaluation_id)
    return Response(monitor.store.report(run.id), media_type="application/json")


@router.get("/v1/evaluations/{evaluation_id}/report.html", response_class=HTMLResponse)
def report_html(evaluation_id: str, monitor: MonitorOf) -> HTMLResponse:
    """Return the report as a page."""
    run = _succeeded(monitor, evaluation_id)
    try:
        page = (Path(run.run_dir) / _REPORT).read_text(encoding="utf-8")
    except OSError as error:
        raise ConflictError(
            f"the page of evaluation {run.id!r} is no longer on this machine; its report.json is"
        ) from error
    return HTMLResponse(page, headers={"Content-Security-Policy": _REPORT_POLICY})


@router.get("/v1/schedules")
def list_schedules(monitor: MonitorOf) -> SchedulesView:
    """List schedules with their next due times, and the evaluations that can be asked for by name."""
    return SchedulesView(schedules=_schedules(monitor), evaluations=tuple(sorted(monitor.book.evaluations)))


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
def front(
    monitor: MonitorOf, limit: Limit = 50, state: RunStatus | None = None, cursor: Cursor = None
) -> HTMLResponse:
    """Show the latest verdicts, the schedules and the runs to people."""
    runs, next_cursor = _page(monitor, limit=limit, state=state, cursor=cursor)
    page = front_page(
        latest=[EvaluationView.from_run(run) for run in latest_succeeded(monitor.store.engine)],
        evaluations=[EvaluationView.from_run(run) for run in runs],
        schedules=_schedules(monitor),
        now=monitor.store.now(),
        state=state,
        limit=limit,
        next_cursor=next_cursor,
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _LIST_POLICY})


@router.get("/livez", response_class=PlainTextResponse, include_in_schema=False)
def livez() -> str:
    """Say that the process answers."""
    return "ok\n"


@router.get("/readyz", response_class=PlainTextResponse, include_in_schema=False)
def readyz(monitor: MonitorOf) -> PlainTextResponse:
    """Say whether the database answers and the workers live."""
    ready = monitor.is_ready()
    return PlainTextResponse("ok\n" if ready else "not ready\n", status_code=200 if ready else 503)


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request, monitor: MonitorOf) -> Response:
    """Return the instruments in the format that the scraper prefers."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    # Starlette would add a charset to text types; the header is used as the encoder gives it.
    return Response(encode(monitor.registry), headers={"Content-Type": content_type})


def _page(
    monitor: Monitor, *, limit: int, state: RunStatus | None, cursor: str | None
) -> tuple[tuple[Run, ...], str | None]:
    runs = monitor.store.page(limit=limit + 1, state=state, before=cursor)
    return runs[:limit], runs[limit - 1].id if len(runs) > limit else None


def _schedules(monitor: Monitor) -> tuple[ScheduleView, ...]:
    due, missed = monitor.scheduler.next_due(), monitor.scheduler.missed()
    return tuple(
        ScheduleView(
            name=name,
            cron=schedule.cron,
            timezone=schedule.timezone,
            evaluation=schedule.evaluation,
            next_due=due[name],
            missed=missed[name],
        )
        for name, schedule in monitor.book.schedules.items()
    )


def _succeeded(monitor: Monitor, evaluation_id: str) -> Run:
    run = monitor.store.get(evaluation_id)
    if run.state is not RunStatus.SUCCEEDED:
        why = f": {run.error}" if run.error else ""
        raise ConflictError(f"evaluation {evaluation_id!r} has no report, it is {run.state}{why}")
    return run
