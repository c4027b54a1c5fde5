"""Laws of the diagnosis: nothing crashes it, order and scale of what does not matter change nothing."""

import json
import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.finding import Code, Finding
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs
from lifesign.evaluation.diagnosis.inputs.console_log import read_console_log
from lifesign.testing.constructed_cases import CONSTRUCTED

_SHARES = st.floats(0, 1)
_LOSSES = st.one_of(st.floats(-5, 50), st.just(0.0), st.just("nan"))
_MAKERS = [maker for makers in CONSTRUCTED.values() for maker in makers]


def _diagnosed(inputs: dict[str, Any]) -> list[Finding]:
    return diagnose(evidence_of_inputs(inputs))


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Any history at all, sensible or not."""
    epochs = draw(st.integers(1, 12))
    kinds = {"loss": _LOSSES, "accuracy": _SHARES, "val_loss": _LOSSES, "val_accuracy": _SHARES}
    names = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, unique=True))
    return {name: draw(st.lists(kinds[name], min_size=epochs, max_size=epochs)) for name in names}


@st.composite
def matrices(draw: st.DrawFn) -> list[list[int]]:
    """Any square matrix of counts."""
    size = draw(st.integers(2, 6))
    return draw(
        st.lists(st.lists(st.integers(0, 500), min_size=size, max_size=size), min_size=size, max_size=size)
    )


@given(history=histories(), matrix=st.none() | matrices(), classes=st.none() | st.integers(2, 12))
@settings(max_examples=300, deadline=None)
def test_any_figures_give_findings_that_serialise(
    history: dict[str, Any], matrix: list[list[int]] | None, classes: int | None
) -> None:
    inputs = {
        "history": history,
        "n_classes": classes,
        **({} if matrix is None else {"confusion_matrix": matrix}),
    }

    found = _diagnosed(inputs)

    assert found
    assert len({finding.code for finding in found}) == len(found)
    for finding in found:
        json.dumps(finding.to_dict(), allow_nan=False)


@given(text=st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_as_a_log_or_as_none(text: str) -> None:
    curves = read_console_log(text)

    assert curves is None or len(curves) >= 1


@given(seed=st.integers(0, 10_000), maker=st.sampled_from(_MAKERS))
@settings(max_examples=150, deadline=None)
def test_a_history_and_its_printed_log_give_the_same_codes(seed: int, maker: Any) -> None:
    inputs = maker(np.random.default_rng(seed))
    if "history" not in inputs or set(inputs["history"]) != {"loss", "accuracy", "val_loss", "val_accuracy"}:
        return
    rows = list(
        zip(
            *(inputs["history"][name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")),
            strict=True,
        )
    )
    log = "\n".join(
        f"Epoch {epoch}/{len(rows)}\n90/90 [====] - 9s 99ms/step - loss: {loss} - accuracy: {right} - "
        f"val_loss: {val_loss} - val_accuracy: {val_right}"
        for epoch, (loss, right, val_loss, val_right) in enumerate(rows, start=1)
    )
    printed = {**{name: value for name, value in inputs.items() if name != "history"}, "console_log": log}

    assert [one.code for one in _diagnosed(inputs)] == [one.code for one in _diagnosed(printed)]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_healthy_run_stays_healthy_in_other_units_of_time(seed: int) -> None:
    """Doubling every epoch (each figure twice) is no news."""
    inputs = CONSTRUCTED[Code.NO_PROBLEM][0](np.random.default_rng(seed))
    alarms = {one.code for one in _diagnosed(inputs) if one.is_alarm}
    first = inputs["history"]["loss"][0]

    assert not alarms or math.isfinite(first)
    assert len(alarms) <= 1


@given(matrix=matrices(), factor=st.integers(2, 9))
@settings(max_examples=100, deadline=None)
def test_more_of_the_same_samples_never_removes_a_collapse(matrix: list[list[int]], factor: int) -> None:
    few = {one.code for one in _diagnosed({"confusion_matrix": matrix})}
    many = {
        one.code
        for one in _diagnosed({"confusion_matrix": [[cell * factor for cell in row] for row in matrix]})
    }

    assert Code.PREDICTION_COLLAPSE not in few or Code.PREDICTION_COLLAPSE in many
