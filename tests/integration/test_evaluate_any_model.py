"""Models of other makes behind the embedded server: their scores in a run are those of the model itself."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import special

from lifesign.errors import ConfigurationError, ConflictError, ContractError
from lifesign.evaluation.config import EvaluationConfig, evaluation_config
from lifesign.evaluation.replay.dry_run import dry_run
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.replay.run_folder import read_record
from lifesign.evaluation.reporting import rewrite_report
from lifesign.evaluation.service import evaluate
from lifesign.serving.server import ModelServer
from lifesign.serving.settings import ServerSettings
from lifesign.testing.brightness_dataset import write_brightness_manifest

SAMPLES = 48
SIZE = 32
WEIGHTS = np.float32([0.6, 0.3, 0.1])
CLASSES = ["attack", "bona_fide"]


def _logit(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return how bona fide images 0 to 255 ``(n, h, w, 3)`` are; red weighs most."""
    return (images.astype(np.float64).mean(axis=(1, 2)) @ WEIGHTS - 127.5) / 16


def _export_zoo(folder: Path) -> None:
    """Export one model with a signature of each kind, all scoring as ``_logit`` does."""
    import tensorflow as tf

    def logit(rgb: Any) -> Any:
        return (tf.linalg.matvec(tf.reduce_mean(rgb, axis=(1, 2)), WEIGHTS) - 127.5) / 16

    def decoded(data: Any) -> Any:
        image = tf.io.decode_image(data, channels=3, expand_animations=False)
        return tf.image.resize(tf.cast(image, tf.float32), (SIZE, SIZE))

    def two(z: Any) -> Any:
        return tf.stack([-z / 2, z / 2], axis=1)

    pixels = (None, SIZE, SIZE, 3)
    signatures: dict[str, tuple[Callable[..., dict[str, Any]], Any, tuple[Any, ...]]] = {
        "serving_default": (
            lambda x: {"probs": tf.nn.softmax(two(logit(x * 127.5 + 127.5)))}, tf.float32, pixels
        ),
        "nchw": (
            lambda x: {"probs": tf.nn.softmax(two(logit(tf.transpose(x, (0, 2, 3, 1)) * 255)))},
            tf.float32, (None, 3, SIZE, SIZE),
        ),
        "bgr_half": (
            lambda x: {"y": two(logit(tf.cast(x, tf.float32)[..., ::-1]))}, tf.float16, (None, None, None, 3)
        ),
        "unit": (lambda x: {"dense": tf.sigmoid(logit(x))[:, None]}, tf.float32, pixels),
        "unit_attack": (lambda x: {"dense": tf.sigmoid(-logit(x))}, tf.float32, pixels),
        "unit_logit": (lambda x: {"dense": logit(x)[:, None]}, tf.float32, pixels),
        "logits": (lambda x: {"dense": two(logit(tf.cast(x, tf.float32)))}, tf.int32, pixels),
        "bytes": (
            lambda x: {
                "probs": tf.nn.softmax(two(logit(tf.map_fn(decoded, x, fn_output_signature=tf.float32)))),
                "file_bytes": tf.strings.length(x),
            },
            tf.string, (None,),
        ),
        "standardised": (
            lambda x: {
                "probs": tf.nn.softmax(two(logit(x * [50.0, 60.0, 70.0] + [100.0, 110.0, 120.0]))),
                "embedding": tf.reduce_mean(x, axis=(1, 2)),
            },
            tf.float32, pixels,
        ),
        "constant": (lambda x: {"probs": tf.zeros((tf.shape(x)[0], 2)) + 0.5}, tf.float32, pixels),
        "nan": (lambda x: {"probs": tf.math.log(two(logit(x)) * 0 - 1)}, tf.float32, pixels),
        "single": (lambda x: {"dense": tf.sigmoid(logit(x))}, tf.float32, (1, *pixels[1:])),
        "eight": (lambda x: {"dense": tf.sigmoid(logit(x))}, tf.float32, (8, *pixels[1:])),
        "flat": (lambda x: {"probs": x[:, :2]}, tf.float32, (None, SIZE * SIZE * 3)),
    }  # fmt: skip
    module = tf.Module()
    exported = {}
    for name, (function, dtype, shape) in signatures.items():
        spec = tf.TensorSpec(shape, dtype, name="x")
        exported[name] = tf.function(function, input_signature=[spec])
        setattr(module, name, exported[name])
    tf.saved_model.save(module, str(folder), signatures=exported)


def _export_keras(folder: Path, images: NDArray[np.uint8]) -> Any:
    import keras

    keras.utils.set_random_seed(3)
    model = keras.applications.MobileNetV2(
        input_shape=(SIZE, SIZE, 3), weights=None, alpha=0.35, classes=2, include_top=True
    )
    # Untrained, it answers all images alike. Statistics of some images in its normalising layers change that.
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images / np.float32(127.5) - 1, training=True)
    model.export(folder, verbose=False)
    return model


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    return write_brightness_manifest(tmp_path_factory.mktemp("faces"), samples=SAMPLES, size=SIZE)


@pytest.fixture(scope="module")
def images(manifest) -> dict[str, NDArray[np.uint8]]:
    """Pixels by path within the data set."""
    return {
        str(path.relative_to(manifest.parent)): np.asarray(Image.open(path))
        for path in sorted(manifest.parent.rglob("*.png"))
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("models")
    _export_zoo(base / "zoo" / "1")
    return base


def _server(folder: Path) -> ModelServer:
    return ModelServer(
        ServerSettings(
            host="127.0.0.1", port=0, rest_api_port=None, model_name=folder.name, model_base_path=folder
        )
    )


@pytest.fixture(scope="module")
def server(base) -> Iterator[ModelServer]:
    with _server(base / "zoo") as server:
        yield server


@pytest.fixture(scope="module")
def mobile(tmp_path_factory, images) -> Iterator[tuple[Any, ModelServer]]:
    """A Keras application, and a server that has it."""
    folder = tmp_path_factory.mktemp("keras") / "mobile"
    model = _export_keras(folder / "1", np.stack(list(images.values())))
    with _server(folder) as server:
        yield model, server


Config = Callable[..., EvaluationConfig]


@pytest.fixture
def config(manifest, server, tmp_path) -> Config:
    def build(contract: dict[str, Any] | None, **options: Any) -> EvaluationConfig:
        defaults = {
            "target": f"127.0.0.1:{server.grpc_port}",
            "model": "zoo",
            "data": manifest,
            "out": tmp_path / "run",
            "shard_size": 20,
            "batch_size": 8,
            "decode_threads": 2,
            "slices": (),
        }
        return evaluation_config(**{**defaults, "contract": contract, **options})

    return build


def _scores(out: Path) -> tuple[list[str], NDArray[np.float64]]:
    rows = [row for table in read_predictions(out) for row in table.select(["path", "scores"]).to_pylist()]
    return [row["path"] for row in rows], np.array([row["scores"] for row in rows], np.float64)


def _contract(signature: str, **fields: Any) -> dict[str, Any]:
    return {"signature": signature, "class_names": CLASSES, **fields}


KINDS = {
    "keras -1..1, default signature": {"input": {"scaling": "tf"}, "class_names": CLASSES},
    "float NCHW": _contract("nchw", input={"scaling": "0..1"}),
    "half, BGR, logits": _contract(
        "bgr_half",
        input={"scaling": "none", "colour": "bgr", "size": [SIZE, SIZE]},
        output={"kind": "logits"},
    ),
    "one sigmoid unit": _contract("unit", input={"scaling": "none"}, positive_class="bona_fide"),
    "one sigmoid unit, other order": {
        "signature": "unit",
        "class_names": ["live", "spoof"],
        "input": {"scaling": "none"},
        "positive_class": "live",
    },
    "one sigmoid unit of attack": _contract(
        "unit_attack", input={"scaling": "none"}, positive_class="attack"
    ),
    "one unit, logit": _contract(
        "unit_logit", input={"scaling": "none"}, output={"kind": "logits"}, positive_class="bona_fide"
    ),
    "whole numbers, logits": _contract("logits", output={"kind": "logits"}),
    "bytes as they are": _contract("bytes", output={"name": "probs"}),
    "bytes of png": _contract(
        "bytes", input={"encoding": "png", "size": [SIZE, SIZE]}, output={"name": "probs"}
    ),
    "own means, two outputs": _contract(
        "standardised", input={"scaling": {"mean": [100, 110, 120], "std": [50, 60, 70]}}
    ),
}


@pytest.mark.parametrize("contract", KINDS.values(), ids=KINDS)
def test_scores_of_a_run_are_those_of_the_model(config, images, contract):
    options = config(contract)
    result = evaluate(options)

    paths, scores = _scores(options.out)
    names = result.document.model.class_names
    z = _logit(np.stack([images[path] for path in paths]))
    np.testing.assert_allclose(scores[:, names.index("bona_fide")], special.expit(z), atol=1e-5)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert result.document.accounting.scored == SAMPLES
    assert result.document.accuracy.value > 0.8
    assert result.document.pad is not None


ONE_AT_A_TIME = _contract("single", input={"scaling": "none"}, positive_class="bona_fide")


@pytest.mark.parametrize(
    ("signature", "batch_size"),
    [("single", 1), ("single", None), ("eight", 8), ("eight", 5), ("eight", None)],
)
def test_a_model_of_a_fixed_number_of_images_per_request_gets_so_many(config, images, signature, batch_size):
    options = config({**ONE_AT_A_TIME, "signature": signature}, batch_size=batch_size, shard_size=27)
    assert not dry_run(options).is_refused
    evaluate(options)
    paths, scores = _scores(options.out)
    z = _logit(np.stack([images[path] for path in paths]))
    np.testing.assert_allclose(scores[:, 1], special.expit(z), atol=1e-5)


def test_a_file_that_the_model_cannot_decode_costs_one_sample(config, manifest, tmp_path):
    faces = tmp_path / "faces"
    shutil.copytree(manifest.parent, faces)
    path = faces / "images" / "attack" / "00010.png"
    Image.open(path).save(path, "TIFF")
    accounting = evaluate(config(KINDS["bytes as they are"], data=faces / manifest.name)).document.accounting
    assert (accounting.scored, accounting.no_response) == (SAMPLES - 1, 1)
    assert accounting.reasons == {"INVALID_ARGUMENT": 1}


def test_an_interrupted_run_goes_on_with_the_same_contract_only(config):
    class Interruption(SilentProgress):
        def on_batch(self, done, scored, no_response, correct):
            if done >= 30:
                raise KeyError

    options = config(KINDS["float NCHW"])
    with pytest.raises(KeyError):
        evaluate(options, progress=Interruption())
    other = config(_contract("nchw", input={"scaling": "tf"}))
    with pytest.raises(ConflictError, match=r"cannot be resumed: exchange\.input\.scaling\.offset was"):
        evaluate(other, resume=True)
    assert evaluate(options, resume=True).document.accounting.scored == SAMPLES


def _native(images: NDArray[np.uint8], module: str) -> NDArray[np.float32]:
    import importlib

    preprocess = importlib.import_module(f"keras.applications.{module}").preprocess_input
    return np.asarray(preprocess(images.astype(np.float32)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scaling", "module"), [("tf", "mobilenet_v2"), ("torch", "densenet"), ("caffe", "resnet")]
)
def test_keras_applications_get_what_their_preprocess_input_gives(config, images, mobile, scaling, module):
    model, server = mobile
    options = config(
        {"input": {"scaling": scaling}, "class_names": CLASSES},
        model="mobile",
        target=f"127.0.0.1:{server.grpc_port}",
    )
    evaluate(options)

    paths, scores = _scores(options.out)
    native = _native(np.stack([images[path] for path in paths]), module)
    expected = model.predict(native, verbose=0)
    assert np.ptp(expected[:, 0]) > 0.01
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_the_run_says_how_the_model_was_spoken_to(config, tmp_path):
    options = config(KINDS["float NCHW"])
    document = evaluate(options).document

    record = read_record(options.out)
    assert record is not None
    assert record.exchange is not None
    assert record.identity["exchange"]["input"]["layout"] == "NCHW"
    assert document.model.preprocessing == (
        "exif>srgb>resize32x32-bilinear-aa>rgb>0..1:x*0.00392157>float32-NCHW>nchw.x; probs:probabilities"
    )
    assert [one for one in document.limitations if one.startswith("Taken for granted of the model")] == [
        "Taken for granted of the model: channels of input 'x' are taken to be in the order red, green, "
        "blue.",
        "Taken for granted of the model: output 'probs' is taken to hold probabilities, by its name.",
    ]
    again = rewrite_report(options.out, tmp_path / "again", changes={"threshold": 0.9}, gates={})
    assert again.model.preprocessing == document.model.preprocessing
    other = evaluate(config(KINDS["keras -1..1, default signature"], out=tmp_path / "other"))
    assert other.document.run_id != document.run_id


@pytest.mark.parametrize(
    ("contract", "options", "error", "message"),
    [
        (_contract("nope"), {}, ContractError, r"expected a signature 'nope', got \['bgr_half', 'bytes', "),
        (_contract("unit", input={"name": "y"}), {}, ContractError, r"expected an input 'y', got \['x'\]"),
        (_contract("unit", output={"name": "y"}, input={"scaling": "tf"}), {}, ContractError,
         r"expected an output 'y', got dense float"),
        (_contract("unit"), {}, ConfigurationError, "takes float32, and no metadata tell in which range"),
        (_contract("unit", input={"scaling": "tf", "dtype": "uint8"}), {}, ContractError,
         r"expected input 'x' as uint8, got float32"),
        (_contract("unit", input={"scaling": "tf", "layout": "NCHW"}), {}, ContractError,
         "with 1 or 3 channels in the layout NCHW"),
        (_contract("unit", input={"scaling": "tf", "size": [64, 64]}), {}, ContractError,
         "64×64 pixels .* got an input of 32×32"),
        (_contract("unit", input={"scaling": "tf", "encoding": "png"}), {}, ContractError,
         "encoding is for inputs of bytes"),
        (_contract("bgr_half", input={"scaling": "none"}), {}, ConfigurationError, "images of any size"),
        (_contract("logits", input={"scaling": "tf"}), {}, ContractError, "expected scaling none for whole"),
        (_contract("bytes", input={"scaling": "tf"}), {}, ContractError, "decodes them itself: scaling"),
        (_contract("flat", input={"scaling": "tf"}), {}, ContractError, "expected an input of rank 4"),
        (_contract("nchw", input={"scaling": "tf"}, positive_class="attack"), {}, ContractError,
         "positive_class is for one output unit"),
        ({"signature": "nchw", "input": {"scaling": "tf"}, "class_names": ["a", "b", "c"]}, {},
         ContractError, "expected 3 values per image"),
        ({"signature": "nchw", "input": {"scaling": "tf"}}, {}, ConfigurationError, "expected class_names"),
        (_contract("nchw", input={"scaling": "tf"}), {"class_names": ("bona_fide", "attack")},
         ContractError, "the same classes in the same order"),
        (_contract("unit_logit", input={"scaling": "none"}, positive_class="bona_fide"), {}, ContractError,
         "these look like logits"),
        (_contract("logits"), {}, ContractError, "these look like logits"),
        (ONE_AT_A_TIME, {}, ConfigurationError, "expected --batch-size up to 1, got 8"),
        ({**ONE_AT_A_TIME, "signature": "eight"}, {"batch_size": 9}, ConfigurationError, "up to 8, got 9"),
        (None, {"class_names": ("attack", "bona_fide")}, ConfigurationError, "--model-config"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_model_is_a_sentence(config, contract, options, error, message):
    with pytest.raises(error, match=message):
        evaluate(config(contract, **options))


def test_a_dry_run_lays_open_what_is_sent(config, images):
    trial = dry_run(config(_contract("standardised", input=KINDS["own means, two outputs"]["input"])))

    assert not trial.is_refused
    assert trial.findings == ()
    assert {one.name for one in trial.signatures} >= {"serving_default", "nchw", "bytes"}
    assert (trial.sent.shape, trial.sent.dtype, trial.sent.layout) == ((32, 32, 32, 3), "float32", "NHWC")
    assert trial.sent.bytes_per_image == 32 * 32 * 3 * 4
    assert [one.name for one in trial.sent.channels] == ["red", "green", "blue"]
    red = np.concatenate([image[..., 0].ravel() for image in images.values()])
    assert trial.sent.channels[0].minimum >= (int(red.min()) - 100) / 50 - 1e-6
    assert trial.sent.channels[0].mean == pytest.approx((red.mean() - 100) / 50, abs=0.1)
    (probs,) = trial.outputs
    assert (probs.name, probs.shape) == ("probs", (32, 2))
    assert probs.row_sum_minimum == pytest.approx(1, abs=1e-5)
    assert [one.labelled for one in trial.classes] == [16, 16]
    assert "output 'probs' is taken for the answer, among embedding, probs" in trial.assumed
    assert {one.scaling: one.is_chosen for one in trial.scalings} == {
        "values": True, "none": False, "0..1": False, "tf": False, "torch": False, "caffe": False,
        "values with colour bgr": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("contract", "severity", "sentence"),
    [
        (_contract("serving_default"), "refusal", "nobody said in which range"),
        (_contract("serving_default", input={"scaling": "none"}), "warning",
         "With scaling tf or torch 30 of 32 images are right, with the one that is sent 16"),
        (_contract("constant", input={"scaling": "none"}), "refusal", "differ by 0 at most"),
        (_contract("nan", input={"scaling": "none"}), "refusal", "32 of 32 images .* no numbers from 0 to 1"),
        (_contract("unit_logit", input={"scaling": "none"}), "refusal", "these look like logits"),
        (_contract("unit", input={"scaling": "none"}, positive_class="attack"), "warning",
         "AUC is 0.0.*the two classes look exchanged"),
        (_contract("nchw", input={"scaling": "none"}), "warning", "With scaling 0..1 3. of 32"),
    ],
)  # fmt: skip
def test_a_dry_run_refuses_nonsense_and_names_what_is_suspicious(config, contract, severity, sentence):
    import re

    trial = dry_run(config(contract))
    found = [one for one in trial.findings if re.search(sentence, one.sentence)]
    assert [str(one.severity) for one in found] == [severity], trial.findings
    assert trial.is_refused == any(one.severity == "refusal" for one in trial.findings)


def test_what_the_server_refuses_is_a_finding_of_the_dry_run(config, manifest, tmp_path):
    broken = tmp_path / "set"
    for label in ("attack", "bona_fide"):
        (broken / label).mkdir(parents=True)
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (9, 9, 9)).save(buffer, "TIFF")
        (broken / label / "a.tiff").write_bytes(buffer.getvalue())
    trial = dry_run(config(KINDS["bytes as they are"], data=broken))
    assert trial.is_refused
    assert "The server refuses the batch: INVALID_ARGUMENT" in trial.findings[0].sentence
    assert trial.outputs == ()
