import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifesign.serving.json_answer import outputs_json, predictions_json
from lifesign.serving.status import ServingError


@given(st.lists(st.floats(width=32, allow_nan=False)))
def test_every_float_reads_back_as_the_same_number(values):
    array = np.array(values, np.float32)

    back = json.loads(outputs_json({"y": array}))["outputs"]

    np.testing.assert_array_equal(np.array(back, np.float32), array)
    assert all(isinstance(value, float) for value in back)


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4.0"), (0.2, "0.2"), (9e6, "9e+06"), (float("nan"), "NaN"), (1 / 3, "0.333333343")],
)
def test_floats_are_written_short(value, text):
    assert f'"outputs": {text}\n' in outputs_json({"y": np.float32(value).reshape(())})


def test_rows_of_unequal_number_are_refused():
    with pytest.raises(ServingError, match="Tensor name: b has inconsistent batch size: 3 expecting: 2"):
        predictions_json({"a": np.zeros(2), "b": np.zeros(3)})
