import re


def test_the_page_loads_nothing_from_elsewhere(gateway):
    page = gateway.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(""", page.text)


def test_the_page_shows_every_route_and_document(gateway):
    page = gateway.http.get("/docs").text
    document = gateway.http.get("/openapi.json").json()
    assert {"/v1/liveness", "/v1/liveness:batch", "/v1/models", "/v1/thresholds"} <= set(document["paths"])
    for name in (*document["paths"], *document["components"]["schemas"]):
        assert name in page


def test_every_reference_of_the_document_resolves(gateway):
    document = gateway.http.get("/openapi.json").json()
    for name in re.findall(r'"#/components/schemas/(\w+)"', gateway.http.get("/openapi.json").text):
        assert name in document["components"]["schemas"]


def test_problems_are_declared_with_their_media_type(gateway):
    responses = gateway.http.get("/openapi.json").json()["paths"]["/v1/liveness"]["post"]["responses"]
    for status in ("400", "401", "413", "415", "422", "429", "503", "504"):
        assert list(responses[status]["content"]) == ["application/problem+json"], status
