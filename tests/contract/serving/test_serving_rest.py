"""Rows R01–R16, R21–R35, X01–X46 and M of the observable behaviour, over plain HTTP."""

import gzip
import http.client
import json
import math
import re

import numpy as np
import pytest

X = np.array([1.0, 2.0, 5.0], np.float32)


def test_row_format_answers_predictions(wire):  # R01, R21
    status, kind, text = wire.http(
        "POST", "/v1/models/half:predict", b'{"signature_name": "single", "instances": [1.0, 2, 0.4]}'
    )

    assert (status, kind) == (200, "application/json")
    assert json.loads(text) == {"predictions": [3.5, 4.0, 3.2]}
    assert "4.0" in text


ANSWERS = {
    "R03 column": (
        "half",
        '{"signature_name": "single", "inputs": [1.0, 2.0]}',
        {"outputs": [3.5, 4.0]},
    ),
    "R04 column by name": (
        "half",
        '{"signature_name": "single", "inputs": {"x": [1.0], "more": 1}}',
        {"outputs": [3.5]},
    ),
    "R05 row by name": (
        "half",
        '{"signature_name": "single", "instances": [{"x": 1.0}]}',
        {"predictions": [3.5]},
    ),
    "R06 several outputs, rows": (
        "half",
        '{"instances": [1.0]}',
        {"predictions": [{"y": 3.5, "twice": 2.0}]},
    ),
    "R06 several outputs, columns": (
        "half",
        '{"inputs": [1.0, 2.0]}',
        {"outputs": {"y": [3.5, 4.0], "twice": [2.0, 4.0]}},
    ),
    "R07 bytes": ("echo", '{"instances": [{"b64": "AP8="}]}', {"predictions": [{"b64": "AP8="}]}),
    "R08 strings": (
        "echo",
        '{"signature_name": "plain", "instances": ["grün"]}',
        {"predictions": ["grün"]},
    ),
    "R09 named bytes": (
        "echo",
        '{"instances": [{"s": {"b64": "AP8="}}]}',
        {"predictions": [{"b64": "AP8="}]},
    ),
    "R10 several inputs, rows": (
        "multi",
        '{"instances": [{"a": 1.5, "b": 2}]}',
        {"predictions": [{"sum": 3.5, "b_again": 2}]},
    ),
    "R11 several inputs, columns": (
        "multi",
        '{"inputs": {"a": [1.5], "b": [2]}}',
        {"outputs": {"sum": [3.5], "b_again": [2]}},
    ),
    "R12 version": ("half/versions/1", '{"instances": [1.0]}', {"predictions": [{"y": 2.5, "twice": 2.0}]}),
    "R23 int64 exact": (
        "dtypes",
        '{"signature_name": "id_int64", "inputs": [9007199254740993]}',
        {"outputs": [9007199254740993]},
    ),
    "R23 bool": (
        "dtypes",
        '{"signature_name": "id_bool", "inputs": [true, false]}',
        {"outputs": [True, False]},
    ),
    "R25 text after the document": ("echo", '{"instances": ["a"]} more', {"predictions": [{"b64": "YQ=="}]}),
    "R33 scalar output": ("half", '{"signature_name": "scalar_out", "inputs": [1.0]}', {"outputs": 4.0}),
    "matrix": ("half", '{"signature_name": "matmul", "instances": [[1, 2]]}', {"predictions": [[3.0]]}),
}


@pytest.mark.parametrize("row", ANSWERS)
def test_predict_answers(wire, row):
    model, body, expected = ANSWERS[row]

    assert wire.post(f"/v1/models/{model}:predict", body) == (200, expected)


def test_nan_and_infinity_are_bare_tokens(wire):  # R22
    body = b'{"signature_name": "single", "instances": [NaN, Infinity, -Infinity]}'

    status, _, text = wire.http("POST", "/v1/models/half:predict", body)

    assert status == 200
    first, *rest = json.loads(text)["predictions"]
    assert math.isnan(first)
    assert rest == [math.inf, -math.inf]


def test_half_has_no_form_in_json(wire):  # R24
    status, _ = wire.post("/v1/models/dtypes:predict", '{"signature_name": "id_float16", "inputs": [1.0]}')

    assert status == 501


def test_a_gzip_body_is_read(wire):  # R26
    body = gzip.compress(b'{"signature_name": "single", "instances": [1.0]}')

    status, _, text = wire.http("POST", "/v1/models/half:predict", body, {"Content-Encoding": "gzip"})

    assert (status, json.loads(text)) == (200, {"predictions": [3.5]})


def test_paths_ignore_case_and_are_percent_decoded_but_verbs_are_not(wire):  # R27, R28
    assert wire.post("/V1/Models/h%61lf:predict", '{"instances": [1.0]}')[0] == 200
    assert wire.post("/v1/models/half:PREDICT", '{"instances": [1.0]}')[0] == 400


def test_the_query_string_belongs_to_the_path(wire):  # R29
    assert wire.get("/v1/models/half?x=1") == (
        404,
        {"error": "Could not find any versions of model half?x=1"},
    )


@pytest.mark.parametrize(("origin", "status"), [("https://example.org", 200), ("null", 400)])
def test_options_depends_on_the_origin(wire, origin, status):  # R30, R35
    assert wire.http("OPTIONS", "/v1/models/half:predict", None, {"Origin": origin})[0] == status


def test_connections_are_kept_and_bodies_may_be_chunked(wire):  # R31, R32
    connection = http.client.HTTPConnection("127.0.0.1", wire.server.rest_port, timeout=30)
    try:
        for _ in range(3):
            connection.request(
                "POST",
                "/v1/models/half:predict",
                iter([b'{"signature_name": "single", ', b'"instances": [1.0]}']),
                encode_chunked=True,
                headers={"Transfer-Encoding": "chunked"},
            )
            assert json.loads(connection.getresponse().read()) == {"predictions": [3.5]}
    finally:
        connection.close()


def test_a_large_body_is_read(wire):  # R34
    values = [0.5] * 1_000_000

    status, answer = wire.post(
        "/v1/models/half:predict", json.dumps({"signature_name": "scalar_out", "inputs": values})
    )

    assert (status, answer) == (200, {"outputs": 500_003.0})


def test_status_is_printed_whole(wire):  # R13, R14
    entry = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}

    assert wire.get("/v1/models/half") == (
        200,
        {"model_version_status": [{"version": "2", **entry}, {"version": "1", **entry}]},
    )
    assert wire.get("/v1/models/half/versions/1") == (
        200,
        {"model_version_status": [{"version": "1", **entry}]},
    )


def test_metadata_is_printed_whole(wire):  # R15, R16
    status, document = wire.get("/v1/models/half/versions/1/metadata")

    assert status == 200
    assert document["model_spec"] == {"name": "half", "signature_name": "", "version": "1"}
    line = document["metadata"]["signature_def"]["signature_def"]["single"]
    assert line["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert line["inputs"]["x"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}],
        "unknown_rank": False,
    }
    assert line["method_name"] == "tensorflow/serving/predict"


P = "/v1/models/half:predict"
M = "/v1/models/multi:predict"
VALUE = r"JSON Value: [\s\S]* "
ELEMENT = r"Failed to process element: "
REFUSALS = {
    "X01": (P, '{"instances": [1.0,', 400, r"JSON Parse error: .+ at offset: \d+"),
    "X02": (P, "", 400, r"JSON Parse error: The document is empty"),
    "X03": (P, "[1]", 400, r"JSON Value: \[\s*1\s*\] Is not object"),
    "X04": (P, '{"a": 1}', 400, r"Missing 'inputs' or 'instances' key"),
    "X05": (
        P,
        '{"inputs": [1.0], "instances": [1.0]}',
        400,
        VALUE + r"Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    ),
    "X06": (P, '{"instances": 1.0}', 400, VALUE + r"Expecting 'instances' to be an list/array"),
    "X07": (P, '{"instances": []}', 400, VALUE + r"No values in 'instances' array"),
    "X08": (
        P,
        '{"signature_name": 5, "instances": [1.0]}',
        400,
        VALUE + r"not formatted correctly\. 'signature_name' key must be a string value\.",
    ),
    "X09": (
        P,
        '{"signature_name": "nosig", "instances": [1.0]}',
        400,
        r'Serving signature name: "nosig" not found in signature def',
    ),
    "X10": (
        "/v1/models/nope:predict",
        '{"instances": [1.0]}',
        404,
        r"Servable not found for request: Latest\(nope\)",
    ),
    "X11": (
        "/v1/models/half/versions/99:predict",
        '{"instances": [1.0]}',
        404,
        r"Servable not found for request: Specific\(half, 99\)",
    ),
    "X12": (
        "/v1/models/half/labels/nolabel:predict",
        '{"instances": [1.0]}',
        400,
        r"Unrecognized servable version label: nolabel",
    ),
    "X13": ("/v1/models/nope:predict", "{", 400, r"JSON Parse error: .+"),
    "X14": (
        P,
        '{"instances": ["a"]}',
        400,
        ELEMENT + r"0 of 'instances' list\. Error: INVALID_ARGUMENT: "
        r'JSON Value: "a" Type: String is not of expected type: float',
    ),
    "X15": (
        P,
        '{"instances": [[1.0], [1.0, 2.0]]}',
        400,
        ELEMENT + r"1 of 'instances' list\. Error: INVALID_ARGUMENT: Expecting tensor size: 1 but got: 2",
    ),
    "X16": (
        P,
        '{"instances": [[1.0], 2.0]}',
        400,
        ELEMENT + r"1 of 'instances' list\. Error: INVALID_ARGUMENT: Expecting shape \[1\] but got: \[\]",
    ),
    "X17": (
        P,
        '{"instances": [{"zz": 1.0}]}',
        400,
        ELEMENT + r"0 key: zz of 'instances' list\. Error: INVALID_ARGUMENT: "
        r"JSON object: does not have named input: zz",
    ),
    "X18": (
        M,
        '{"instances": [{"b": 1}]}',
        400,
        ELEMENT + r"0 of 'instances' list\. JSON object: [\s\S]* keys must be equal to: a,b",
    ),
    "X19": (
        M,
        '{"instances": [1.0]}',
        400,
        r"instances is a plain list, but expecting list of objects as multiple input tensors required as "
        r"per tensorinfo_map",
    ),
    "X20": (M, '{"inputs": {"b": [1]}}', 400, r"Missing named input: a in 'inputs' object\."),
    "X21": (
        M,
        '{"inputs": [1.0]}',
        400,
        r"inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
        r"tensorinfo_map",
    ),
    "X22": (
        "/v1/models/echo:predict",
        '{"instances": [{"b64": "###"}]}',
        400,
        ELEMENT + r"0 of 'instances' list\. Error: INVALID_ARGUMENT: Unable to base64 decode",
    ),
    "X23": (
        P,
        '{"signature_name": "scalar_out", "instances": [1.0]}',
        400,
        r"Tensor name: total has no shape information ",
    ),
    "X24": (
        "/v1/models/dtypes:predict",
        '{"signature_name": "id_int32", "inputs": [1.5]}',
        400,
        r"JSON Value: 1\.5 Type: Number is not of expected type: int32",
    ),
    "X25": (
        P,
        '{"instances": [{"x": 1.0}, 2.0]}',
        400,
        r"Expecting object but got list at item 1 of input list",
    ),
    "X26": (
        P,
        '{"instances": [2.0, {"x": 1.0}]}',
        400,
        r"Expecting value/list but got object at item 1 of input list",
    ),
    "X27": (
        "/v1/models/dtypes:predict",
        '{"signature_name": "id_int32", "inputs": [1099511627776]}',
        400,
        r"JSON Value: 1099511627776 Type: Number is not of expected type: int32",
    ),
    "X37": ("/v1/models/half", "{}", 400, r"Malformed request: POST /v1/models/half"),
    "X38": ("/v1/models/half:frob", "{}", 400, r"Malformed request: POST /v1/models/half:frob"),
    "X43": (
        P,
        '{"signature_name": "matmul", "instances": [[1, 2, 3]]}',
        400,
        r"Matrix size-incompatible: In\[0\]: \[1,3\], In\[1\]: \[2,1\][\s\S]*",
    ),
    "H07": (P, '{"instances": ' + "[" * 3000 + "]" * 3000 + "}", 400, r"[\s\S]+"),
    "H08": (P, '{"instances": ["\udcff"]}', 400, r"[\s\S]+"),
}


@pytest.mark.parametrize("row", REFUSALS)
def test_post_refuses(wire, row):
    path, body, expected, pattern = REFUSALS[row]

    status, kind, text = wire.http("POST", path, body.encode("utf-8", "surrogateescape"))

    assert (status, kind) == (expected, "application/json")
    assert re.fullmatch(pattern, json.loads(text)["error"]), json.loads(text)["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/", 400, "Malformed request: GET /v1/models/"),
        ("GET", "/v1/models/half:predict", 400, "Malformed request: GET /v1/models/half:predict"),
        ("DELETE", "/v1/models/half", 400, "Malformed request: DELETE /v1/models/half"),
        ("GET", "/v1/models/nope", 404, "Could not find any versions of model nope"),
        ("GET", "/v1/models/half/versions/99", 404, "Could not find version 99 of model half"),
        ("GET", "/v1/models/nope/metadata", 404, "Servable not found for request: Latest(nope)"),
        (
            "GET",
            "/v1/models/half/labels/nolabel/metadata",
            400,
            "Unrecognized servable version label: nolabel",
        ),
    ],
    ids=["X34", "X35", "X36", "X39", "X40", "X41", "X42", "X44"],
)
def test_other_requests_are_refused(wire, method, path, status, text):
    code, _, body = wire.http(method, path)

    assert (code, json.loads(body)) == (status, {"error": text})


def test_a_version_beyond_64_bits_has_an_empty_answer(wire):  # X45
    code, _, body = wire.http("GET", "/v1/models/half/versions/99999999999999999999")

    assert (code, body) == (400, "")


def test_outside_v1_is_a_plain_404(wire):  # X46
    code, kind, _ = wire.http("GET", "/elsewhere")

    assert (code, kind) == (404, "text/html")


def _sample(page: str, name: str, labels: str) -> int:
    match = re.search(rf"^{re.escape(name + '{' + labels + '}')} (\d+)$", page, re.MULTILINE)
    return int(match[1]) if match else 0


def test_metrics_have_the_names_labels_and_buckets_of_tensorflow_serving(wire, failure):  # M01–M10
    path = "/monitoring/prometheus/metrics"
    count = ":tensorflow:serving:request_count"
    latency = ":tensorflow:serving:request_latency"
    before = wire.http("GET", path)[2]

    wire.predict("half", {"x": X})
    failure(lambda: wire.predict("half", {}))
    wire.post(P, '{"instances": [1.0]}')
    status, kind, after = wire.http("GET", path)

    def step(name: str, labels: str) -> int:
        return _sample(after, name, labels) - _sample(before, name, labels)

    assert (status, kind) == (200, "text/plain")
    assert f"# TYPE {count} counter" in after
    assert f"# TYPE {latency} histogram" in after
    assert step(count, 'model_name="half",status="OK"') == 2
    assert step(count, 'model_name="half",status="INVALID_ARGUMENT"') == 1
    assert step(f"{latency}_count", 'model_name="half",API="Predict",entrypoint="GRPC"') == 1
    assert step(f"{latency}_count", 'model_name="half",API="predict",entrypoint="REST"') == 1
    runtime = ":tensorflow:serving:runtime_latency_count"
    assert step(runtime, 'model_name="half",API="Predict",runtime="TF1"') == 2
    bounds = re.findall(
        rf'^{latency}_bucket\{{model_name="half",API="Predict",entrypoint="GRPC",le="(.*?)"\}}', after, re.M
    )
    assert bounds[:3] == ["10", "18", "32.4"]
    assert (len(bounds), bounds[-1]) == (34, "+Inf")
    loads = ":tensorflow:cc:saved_model:load_attempt_count"
    assert _sample(after, loads, f'model_path="{wire.base / "half" / "1"}",status="success"') == 1
