"""How many images of a model go into one request when nobody says it."""

import pytest

from lifesign.client import ModelSignature, TensorSpec
from lifesign.evaluation.contract.document import ModelContract
from lifesign.evaluation.contract.inference import infer_exchange
from lifesign.evaluation.replay.served_model import ServedModel
from lifesign.preprocessing import PreprocessingSpec

CLASSES = ("attack", "bona_fide")


def _model(size: int, *, dtype: str | None = None, batch: int = -1) -> ServedModel:
    exchange = None
    if dtype is not None:
        shape = (batch,) if dtype == "string" else (batch, size, size, 3)
        signature = ModelSignature(
            inputs={"x": TensorSpec("x", dtype, shape)}, outputs={"y": TensorSpec("y", "float", (-1, 2))}
        )
        contract = ModelContract.model_validate({"input": {} if dtype == "string" else {"scaling": "0..1"}})
        exchange = infer_exchange(contract, {"serving_default": signature}, class_names=CLASSES).exchange
    spec = PreprocessingSpec(height=size, width=size)
    return ServedModel("m", 1, None, CLASSES, spec, exchange=exchange)


@pytest.mark.parametrize(
    ("model", "asked", "images"),
    [
        (_model(224), None, 32),
        (_model(224), 7, 7),
        (_model(32), None, 32),
        (_model(512), None, 16),
        (_model(4096), None, 1),
        (_model(224, dtype="float"), None, 16),
        (_model(299, dtype="float"), None, 8),
        (_model(224, dtype="float", batch=1), None, 1),
        (_model(1024, dtype="float", batch=64), None, 64),
        (_model(224, dtype="float", batch=64), 7, 7),
        (_model(224, dtype="string"), None, 32),
    ],
    ids=[
        "own",
        "as asked",
        "small",
        "large",
        "huge",
        "float32",
        "no power of two",
        "takes one",
        "takes 64",
        "filled",
        "files",
    ],
)
def test_a_request_takes_up_to_32_images_and_16_mebibytes_of_pixels(model, asked, images):
    assert model.images_per_request(asked) == images
