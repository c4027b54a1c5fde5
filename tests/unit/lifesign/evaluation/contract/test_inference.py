"""What is inferred from metadata, what is said aloud, and what nobody can guess."""

import pytest

from lifesign.client import ModelSignature, TensorSpec
from lifesign.errors import ConfigurationError, ContractError
from lifesign.evaluation.contract.document import ModelContract
from lifesign.evaluation.contract.inference import infer_exchange

TWO = ("attack", "bona_fide")


def _signature(inputs: dict, outputs: dict) -> ModelSignature:
    return ModelSignature(
        inputs={name: TensorSpec(name, *spec) for name, spec in inputs.items()},
        outputs={name: TensorSpec(name, *spec) for name, spec in outputs.items()},
    )


def _infer(shape=(-1, 8, 9, 3), *, dtype="uint8", outputs=None, classes=TWO, contract=None, **more):
    signature = _signature({"x": (dtype, shape)}, outputs or {"y": ("float", (-1, 2))})
    document = ModelContract.model_validate(contract or {})
    return infer_exchange(document, {"serving_default": signature, **more}, class_names=classes)


@pytest.mark.parametrize(
    ("shape", "contract", "expected"),
    [
        ((-1, 8, 9, 3), {}, ("NHWC", "rgb", 3, (8, 9))),
        ((-1, 3, 8, 9), {}, ("NCHW", "rgb", 3, (8, 9))),
        ((-1, 8, 9, 1), {}, ("NHWC", "gray", 1, (8, 9))),
        ((-1, 1, 8, 9), {}, ("NCHW", "gray", 1, (8, 9))),
        ((-1, -1, -1, 3), {}, ("NHWC", "rgb", 3, (None, None))),
        ((-1, 3, -1, -1), {}, ("NCHW", "rgb", 3, (None, None))),
        (None, {}, ("NHWC", "rgb", 3, (None, None))),
        ((-1, 3, 3, 3), {"input": {"layout": "NCHW"}}, ("NCHW", "rgb", 3, (3, 3))),
        ((-1, 8, 9, 3), {"input": {"colour": "gray"}}, ("NHWC", "gray", 3, (8, 9))),
        ((-1, -1, -1, -1), {"input": {"colour": "gray"}}, ("NHWC", "gray", 1, (None, None))),
    ],
)
def test_layout_channels_and_size_come_from_the_shape(shape, contract, expected):
    inferred = _infer(shape, contract=contract)
    sent = inferred.exchange.input
    assert (sent.layout, sent.colour, sent.channels, inferred.size) == expected


def test_caffe_takes_blue_first_unless_it_is_said_otherwise():
    caffe = {"input": {"scaling": "caffe"}}
    assert _infer(dtype="float", contract=caffe).exchange.input.colour == "bgr"
    other = {"input": {"scaling": "caffe", "colour": "rgb"}}
    sent = _infer(dtype="float", contract=other).exchange.input
    assert sent.scaling.mean == (123.68, 116.779, 103.939)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "input 'x' takes uint8: pixels are sent as 0 to 255, scaling is in the model"),
        ({}, "output 'y' is taken to hold probabilities, as is usual"),
        ({}, "channels of input 'x' are taken to be in the order red, green, blue"),
        ({"outputs": {"logits": ("float", (-1, 2))}}, "'logits' is taken to hold logits, by its name"),
        ({"outputs": {"y": ("float", (-1, 1))}}, "the one output unit is taken for P(bona_fide)"),
        ({"outputs": {"y": ("float", (-1,))}}, "the one output unit is taken for P(bona_fide)"),
        ({"outputs": {"scores": ("float", (-1, 2)), "z": ("float", (-1, 2))}}, "'scores' is taken for the"),
        ({"shape": (-1, -1, -1, -1)}, "is taken to be NHWC: channels last"),
        ({"shape": (-1, 3, 3, 3)}, "is taken to be NHWC: channels last"),
        ({"dtype": "string", "shape": (-1,)}, "files are sent as they are, and the model decodes them"),
        ({"contract": {"class_names": ["Live", "spoof"]}}, "'Live' as bona_fide and 'spoof' as attack"),
    ],
)  # fmt: skip
def test_what_is_taken_for_granted_is_said(options, sentence):
    assert any(sentence in one for one in _infer(**options).assumed)


def test_nothing_is_assumed_of_what_is_said():
    contract = {
        "input": {"scaling": "tf", "colour": "rgb"},
        "output": {"kind": "probabilities"},
        "class_names": list(TWO),
    }
    assert _infer(dtype="float", contract=contract).assumed == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["real", "fake"], ("bona_fide", "attack")),
        (["0", "1"], ("0", "1")),
        (["cat", "dog"], ("cat", "dog")),
        (["live", "genuine"], ("live", "genuine")),
    ],
)
def test_synonyms_of_liveness_are_recognised_and_digits_are_not(names, expected):
    assert _infer(contract={"class_names": names}).exchange.output.class_names == expected


@pytest.mark.parametrize(
    ("contract", "place"),
    [
        ({"positive_class": "attack"}, 0),
        ({"positive_class": "bona_fide"}, 1),
        ({"positive_class": "live"}, 1),
        ({"class_names": ["live", "spoof"], "positive_class": "spoof"}, 1),
        ({}, 1),
    ],
)
def test_one_unit_means_the_class_that_is_said(contract, place):
    inferred = _infer(outputs={"y": ("float", (-1, 1))}, contract=contract)
    assert inferred.exchange.output.positive == place


def test_another_signature_than_the_usual_is_found_when_it_is_the_only_one():
    signature = _signature({"x": ("uint8", (-1, 8, 9, 3))}, {"y": ("float", (-1, 2))})
    ignored = _signature({}, {"op": ("float", ())})
    inferred = infer_exchange(
        ModelContract(), {"predict": signature, "__saved_model_init_op": ignored}, class_names=TWO
    )
    assert inferred.exchange.signature == "predict"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shape": (-1, 8, 9, 4)}, ContractError, r"1 or 3 channels, got \[-1, 8, 9, 4\]"),
        ({"shape": (-1, 8, 9)}, ContractError, "expected an input of rank 4"),
        ({"dtype": "float", "contract": {"input": {"dtype": "uint8"}}}, ContractError, "got float32"),
        ({"dtype": "bool"}, ContractError, "expected an input of numbers or bytes"),
        ({"dtype": "bfloat16"}, ContractError, "got 'x', bfloat16"),
        ({"dtype": "int8"}, ContractError, "do not fit input 'x', int8"),
        ({"dtype": "string", "shape": (-1, 1)}, ContractError, "one string per image"),
        ({"shape": (-1, 8, 9, 1), "contract": {"input": {"colour": "rgb"}}}, ContractError, "colour gray"),
        ({"dtype": "float", "shape": (-1, 8, 9, 1), "contract": {"input": {"scaling": "torch"}}},
         ConfigurationError, "has a mean for each of three colours"),
        ({"dtype": "float", "contract": {"input": {"scaling": {"mean": [1.0, 2.0]}}}}, ContractError,
         "mean and std for 3 channels, got 2"),
        ({"outputs": {"y": ("int64", (-1,))}}, ContractError, r"as float \[-1, classes\], got int64"),
        ({"outputs": {"y": ("float", (-1, 1, 1, 2))}}, ContractError, r"as float \[-1, classes\]"),
        ({"outputs": {"a": ("float", (-1, 2)), "b": ("float", (-1, 2))}}, ConfigurationError,
         "several: a float .*, b float"),
        ({"outputs": {"y": ("float", (-1, 1))}, "classes": ("a", "b", "c")}, ContractError,
         "two classes for a model with one output unit"),
        ({"contract": {"output": {"logits": "z"}}}, ContractError, "an output 'z' with logits"),
        ({"classes": None}, ConfigurationError, "expected class_names"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        _infer(**options)


def test_a_signature_of_two_inputs_is_refused():
    two = _signature({"x": ("uint8", (-1, 8, 9, 3)), "meta": ("float", (-1, 2))}, {"y": ("float", (-1, 2))})
    with pytest.raises(ContractError, match=r"one input, for images, got \['meta', 'x'\]"):
        infer_exchange(ModelContract(), {"serving_default": two}, class_names=TWO)
