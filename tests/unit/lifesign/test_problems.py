import httpx
import pytest
from fastapi import FastAPI, HTTPException

from lifesign.errors import DeadlineError, ImageError, ImageProblem, NotReadyError, UpstreamError
from lifesign.problems import ProblemKind, find_kind, install_problems

TABLE = {
    UpstreamError: ProblemKind("upstream", 502, "Upstream failed"),
    NotReadyError: ProblemKind("not-ready", 503, "Not ready", retry_after_seconds=2),
    ImageError: lambda error: ProblemKind(f"image-{error.reason.value}", 400, "Bad image"),
}


def client_for(error: Exception) -> httpx.AsyncClient:
    app = FastAPI()

    @app.get("/fail")
    async def fail(number: int = 0) -> None:
        raise error

    install_problems(app, TABLE)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def _get(error: Exception, query: str = "", **headers: str) -> httpx.Response:
    async with client_for(error) as client:
        return await client.get(f"/fail{query}", headers=headers)


def get(error: Exception, query: str = "", **headers: str) -> httpx.Response:
    import asyncio

    return asyncio.run(_get(error, query, **headers))


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (NotReadyError("wait"), 503, "not-ready"),
        (DeadlineError("late"), 502, "upstream"),
        (ImageError(ImageProblem.EMPTY, "0 bytes"), 400, "image-empty"),
        (HTTPException(418, "short and stout"), 418, "i'm-a-teapot"),
    ],
    ids=["own entry", "parent's entry", "function of the error", "http exception"],
)
def test_each_error_becomes_its_problem(error: Exception, status: int, slug: str) -> None:
    response = get(error)
    body = response.json()
    assert response.status_code == body["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:lifesign:problem:{slug}"
    assert body["request_id"] == response.headers["x-request-id"]


def test_waiting_that_may_help_has_retry_after() -> None:
    assert get(NotReadyError("wait")).headers["retry-after"] == "2"


def test_a_crash_is_a_fixed_sentence_without_the_cause(capsys: pytest.CaptureFixture[str]) -> None:
    response = get(RuntimeError("the secret is Xyzzy"))
    assert response.status_code == 500
    assert "Xyzzy" not in response.text
    assert response.json()["request_id"]


@pytest.mark.parametrize(
    ("given", "kept"), [("job-17.a:b", True), ("two words", False), ("x" * 129, False), ("", False)]
)
def test_only_a_safe_request_id_is_kept(given: str, kept: bool) -> None:
    response = get(NotReadyError("wait"), **{"X-Request-ID": given})
    assert (response.headers["x-request-id"] == given) is kept
    assert response.headers["x-request-id"]


def test_a_rejected_value_is_never_echoed() -> None:
    response = get(NotReadyError("wait"), "?number=c2VjcmV0")
    assert response.status_code == 422
    assert "c2VjcmV0" not in response.text
    assert response.json()["errors"][0]["loc"] == ["query", "number"]


def test_an_error_outside_the_table_has_no_kind() -> None:
    assert find_kind(KeyError("x"), TABLE) is None
