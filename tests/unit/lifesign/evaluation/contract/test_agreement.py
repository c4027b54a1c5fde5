"""Contract, card, options and metadata must agree; each disagreement is a sentence."""

import pytest

from lifesign.client import ModelSignature, TensorSpec
from lifesign.errors import ConfigurationError, ContractError, LifesignError
from lifesign.evaluation.contract.agreement import agreed_classes, agreed_preprocessing, require_batch_size
from lifesign.evaluation.contract.document import ModelContract
from lifesign.evaluation.contract.inference import Inferred, infer_exchange
from lifesign.model_card import ModelCard
from lifesign.preprocessing import PreprocessingSpec

TWO = ("attack", "bona_fide")
CARD = ModelCard(
    name="m",
    version=1,
    task="liveness",
    class_names=TWO,
    preprocessing=PreprocessingSpec(height=8, width=9, crop="center", resample="lanczos"),
)


def _inferred(shape=(-1, 8, 9, 3), dtype="uint8") -> Inferred:
    signature = ModelSignature(
        inputs={"x": TensorSpec("x", dtype, shape)}, outputs={"y": TensorSpec("y", "float", (-1, 2))}
    )
    return infer_exchange(ModelContract(), {"serving_default": signature}, class_names=TWO)


def _contract(**fields) -> ModelContract:
    return ModelContract.model_validate(fields)


@pytest.mark.parametrize(
    ("contract", "card", "option", "expected"),
    [
        (_contract(), None, None, None),
        (_contract(class_names=TWO), None, None, TWO),
        (_contract(), CARD, None, TWO),
        (_contract(), None, ("a", "b"), ("a", "b")),
        (_contract(class_names=TWO), CARD, TWO, TWO),
    ],
)
def test_classes_come_from_whoever_names_them(contract, card, option, expected):
    assert agreed_classes(contract, card, option) == expected


@pytest.mark.parametrize("option", [("bona_fide", "attack"), ("a", "b")])
def test_classes_that_differ_are_refused(option):
    with pytest.raises(ContractError, match=r"got \['attack', 'bona_fide'\] from the model card, \["):
        agreed_classes(_contract(), CARD, option)


@pytest.mark.parametrize(
    ("fields", "card", "option", "shape", "expected"),
    [
        ({}, None, None, (-1, 8, 9, 3), "exif>srgb>resize8x9-bilinear-aa"),
        ({}, CARD, None, (-1, -1, -1, 3), "exif>srgb>center-crop>resize8x9-lanczos-aa"),
        ({"crop": "none", "size": [4, 5]}, CARD, None, (-1, -1, -1, 3), "exif>srgb>resize4x5-lanczos-aa"),
        ({}, None, (4, 5), (-1, -1, 5, 3), "exif>srgb>resize4x5-bilinear-aa"),
    ],
)
def test_images_are_prepared_as_the_nearest_source_says(fields, card, option, shape, expected):
    spec = agreed_preprocessing(_contract(input=fields), _inferred(shape), card, option)
    assert spec.fingerprint == expected


def test_files_are_measured_at_a_usual_size():
    inferred = _inferred((-1,), "string")
    assert agreed_preprocessing(_contract(), inferred, None, None).fingerprint.endswith(
        "resize224x224-bilinear-aa"
    )


@pytest.mark.parametrize(
    ("fields", "shape", "error", "message"),
    [
        ({}, (-1, -1, 9, 3), ConfigurationError, "images of any size in 'x'"),
        ({"size": [9, 8]}, (-1, 8, 9, 3), ContractError, "takes 9×8 pixels .* got an input of 8×9"),
        ({"size": [7, 9]}, (-1, 8, -1, 3), ContractError, "takes 7×9 pixels"),
    ],
)
def test_a_size_that_cannot_be_is_refused(fields, shape, error, message):
    with pytest.raises(error, match=message):
        agreed_preprocessing(_contract(input=fields), _inferred(shape), None, None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected --image-size 8x9 as the model card says, or none, got 4x5"),
        ({"size": [6, 7]}, "expected --image-size 6x7 as the model contract says, or none, got 4x5"),
    ],
)
def test_an_image_size_that_another_source_contradicts_is_refused(fields, message):
    with pytest.raises(ContractError, match=message):
        agreed_preprocessing(_contract(input=fields), _inferred((-1, -1, -1, 3)), CARD, (4, 5))


def _refusal(shape, batch_size):
    """Return what is said against a batch size, ``None`` where it is taken."""
    try:
        require_batch_size(_inferred(shape), batch_size)
    except LifesignError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("shape", "batch_size"),
    [
        ((-1, 8, 9, 3), 32),
        ((-1, 8, 9, 3), None),
        ((1, 8, 9, 3), 1),
        ((1, 8, 9, 3), None),
        ((8, 8, 9, 3), 8),
        ((8, 8, 9, 3), 5),
        ((8, 8, 9, 3), None),
    ],
)
def test_a_batch_size_that_fits_is_accepted(shape, batch_size):
    assert _refusal(shape, batch_size) is None


@pytest.mark.parametrize(
    ("batch", "batch_size", "message"),
    [
        (1, 32, "takes 1 at a time, no more and no less: expected --batch-size up to 1, got 32"),
        (8, 9, "takes 8 at a time, no more and no less: expected --batch-size up to 8, got 9"),
    ],
)
def test_a_larger_batch_size_is_refused(batch, batch_size, message):
    refusal = _refusal((batch, 8, 9, 3), batch_size)
    assert isinstance(refusal, ConfigurationError)
    assert message in str(refusal)
