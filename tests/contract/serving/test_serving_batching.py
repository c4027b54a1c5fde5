"""Rows B of the observable behaviour: what concurrent requests share, and where batching says no."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifesign.serving.batch_scheduler import BatchingParameters


@pytest.fixture
def batched(base: Path, start: Callable[..., Any]) -> Iterator[Any]:
    parameters = BatchingParameters(
        max_batch_size=8, batch_timeout_micros=200_000, num_batch_threads=1, allowed_batch_sizes=(4, 8)
    )
    wire = start(base, model_base_path=base, model_name="half", batching=parameters)
    yield wire
    wire.server.stop(1.0)


def _column(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, np.float32)


def test_concurrent_requests_share_a_padded_run_and_get_their_own_rows(batched):  # B01, B02
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda x: batched.predict("half", {"x": _column(x)}), (1.0, 2.0, 3.0)))

    assert [list(answer.outputs["twice"].float_val) for answer in answers] == [[2.0], [4.0], [6.0]]
    instruments = batched.server.instruments
    assert instruments.processed_batch_size.count() == 1
    assert instruments.padding_size.count("4") == 1
    assert instruments.wrapped_run_count.value() == 3


def test_rest_goes_through_the_batcher_too(batched):  # B08
    status, answer = batched.post("/v1/models/half:predict", '{"signature_name": "single", "instances": [2]}')

    assert (status, answer) == (200, {"predictions": [3.0]})
    assert batched.server.instruments.processed_batch_size.count() == 1


REFUSALS = {
    "B03 too large": (
        "",
        _column(*range(9)),
        ("INVALID_ARGUMENT", "Task size 9 is larger than maximum input batch size 8"),
    ),
    "B04 scalar": (
        "",
        np.float32(1.0),
        ("INVALID_ARGUMENT", "Batching Run() input tensors must have at least one dimension"),
    ),
    "B06 output without a batch": (
        "scalar_out",
        _column(1.0),
        ("FAILED_PRECONDITION", "Batched output tensor has 0 dimensions"),
    ),
}


@pytest.mark.parametrize("row", REFUSALS)
def test_batching_refuses(batched, failure, row):
    signature, value, expected = REFUSALS[row]

    assert failure(lambda: batched.predict("half", {"x": value}, signature=signature)) == expected


def test_unequal_rows_are_refused(tmp_path, publish, start, failure):  # B05
    (tmp_path / "multi").mkdir()
    publish("multi", tmp_path / "multi", 1)
    wire = start(
        tmp_path, model_base_path=tmp_path / "multi", model_name="multi", batching=BatchingParameters()
    )
    inputs = {"a": _column(1.0, 2.0), "b": np.array([1], np.int32)}

    assert failure(lambda: wire.predict("multi", inputs)) == (
        "INVALID_ARGUMENT",
        "Batching Run() input tensors must have equal 0th-dimension size",
    )
    wire.server.stop(1.0)


def test_different_shapes_in_one_batch_are_refused_unless_padding_is_on(base, start, failure):
    outcomes = {}
    for padding in (False, True):
        parameters = BatchingParameters(
            max_batch_size=2,
            batch_timeout_micros=5_000_000,
            num_batch_threads=1,
            pad_variable_length_inputs=padding,
        )
        wire = start(base, model_base_path=base, model_name="half", batching=parameters)
        values = [np.ones((1, 2), np.float32), np.ones((1, 3), np.float32)]

        def ask(value: Any, wire: Any = wire) -> Any:
            try:
                return wire.predict("half", {"x": value}, signature="single").outputs["y"]
            except Exception as error:
                return error.details()  # type: ignore[attr-defined]

        with ThreadPoolExecutor(2) as pool:
            outcomes[padding] = list(pool.map(ask, values))
        wire.server.stop(1.0)

    assert all(
        "from different tasks have different shapes and padding is turned off" in t for t in outcomes[False]
    )
    assert [answer.tensor_shape.dim[1].size for answer in outcomes[True]] == [3, 3]


def test_large_requests_are_split_when_that_is_on(base, start):
    parameters = BatchingParameters(
        max_batch_size=100, enable_large_batch_splitting=True, max_execution_batch_size=8
    )
    wire = start(base, model_base_path=base, model_name="half", batching=parameters)
    values = _column(*range(20))

    answer = wire.predict("half", {"x": values}, signature="single")

    assert list(answer.outputs["y"].float_val) == list(values * 0.5 + 2)
    assert wire.server.instruments.input_batch_size.count() == 3
    wire.server.stop(1.0)


def test_a_full_queue_is_unavailable_and_the_rest_is_answered_right(base, start):  # B07
    parameters = BatchingParameters(
        max_batch_size=1, max_enqueued_batches=1, num_batch_threads=1, batch_timeout_micros=0
    )
    wire = start(base, model_base_path=base, model_name="half", batching=parameters, grpc_max_threads=32)
    barrier = threading.Barrier(24)
    big = np.ones((1, 3_000_000), np.float32)

    def ask(_: int) -> str:
        barrier.wait(30)
        try:
            answer = wire.predict("half", {"x": big}, signature="single", outputs=("y",))
        except Exception as error:
            return f"{error.code().name}: {error.details()}"  # type: ignore[attr-defined]
        return "right" if answer.outputs["y"].float_val[-1] == 2.5 else "wrong"

    outcomes: list[str] = []
    with ThreadPoolExecutor(24) as pool:
        # On a busy machine the calls may arrive one by one and never meet; then they are sent again.
        while all(text == "right" for text in outcomes) and len(outcomes) < 24 * 20:
            outcomes += pool.map(ask, range(24))
    wire.server.stop(1.0)

    refused = [text for text in outcomes if text != "right"]
    assert "right" in outcomes
    assert refused
    for text in refused:
        assert re.fullmatch(
            r"UNAVAILABLE: The batch scheduling queue to which this task was submitted is full; "
            r"currently 1 batches enqueued and max_enqueued_batches is 1",
            text,
        )
