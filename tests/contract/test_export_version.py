"""What a version folder holds, and that it appears whole or not at all."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from lifesign.errors import ConfigurationError, ConflictError, ContractError, NotReadyError
from lifesign.evaluation.audit.trained_on import TRAINED_ON_FILE, read_trained_on, subject_fingerprint
from lifesign.labels import LIVENESS_CLASSES
from lifesign.model_card import OperatingPoint, read_model_card
from lifesign.pb import tensor_pb2
from lifesign.signature import EMBEDDING, ENCODED_IMAGES, IMAGES, LOGITS, SCORES
from lifesign_training.export import export_version, next_version
from lifesign_training.models import build_model
from lifesign_training.quality import softmax
from lifesign_training.recipe import Recipe, load_recipe
from lifesign_training.run_folder import MODEL_FILE, PARITY_FILE, SAMPLES_FILE, RunSummary, TrainedRun
from lifesign_training.warmup import WARMUP_FILE

RECIPE = load_recipe(
    "liveness-small",
    [
        "preprocessing.height=24",
        "preprocessing.width=32",
        "augmentation.crop=null",
        "model.stem_filters=4",
        "model.block_filters=[4,6]",
        "model.embedding_size=5",
    ],
)
PIXELS = np.random.default_rng(1).integers(0, 256, (7, 24, 32, 3), dtype=np.uint8)


def write_run(directory: Path, recipe: Recipe = RECIPE) -> TrainedRun:
    """A finished run with an untrained network: the export does not care how good it is."""
    directory.mkdir()
    keras.utils.set_random_seed(4)
    model = build_model(recipe, classes=2)
    model.save(directory / MODEL_FILE)
    np.save(directory / PARITY_FILE, PIXELS)
    summary = RunSummary(
        recipe=recipe,
        class_names=LIVENESS_CLASSES,
        data_digest="d" * 64,
        audit=(),
        unreadable=0,
        epochs=1,
        best_epoch=1,
        metrics={"dev_auc": 0.9},
        operating_points=(OperatingPoint(id="eer", criterion="eer", threshold=0.4),),
        default_operating_point="eer",
        reference_profile={"score": {}},
        seconds=1.0,
        finished_at="2026-01-01T00:00:00Z",
    )
    run = TrainedRun(directory, summary)
    run.save()
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    return write_run(tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture(scope="module")
def version(run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_version(run, tmp_path_factory.mktemp("models"), "liveness", 3)


@pytest.fixture(scope="module")
def signatures(version: Path) -> Any:
    return tf.saved_model.load(str(version)).signatures


def expected_scores(run: TrainedRun) -> np.ndarray:
    return softmax(keras.models.load_model(run.model_path).predict(PIXELS, verbose=0))


def test_the_version_has_its_place_and_nothing_else_is_left(version: Path) -> None:
    assert version.parts[-2:] == ("liveness", "3")
    assert [entry.name for entry in version.parent.iterdir()] == ["3"]


def test_the_version_says_what_it_was_trained_on_but_no_names(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    rows = [("train", "ann", "aa"), ("dev", "bob", "bb"), ("test", "eve", "cc")]
    lines = ["path,split,label,pai_species,subject_id,sha256,dataset"]
    lines += [f"{who}.png,{split},attack,,{who},{digest * 32}," for split, who, digest in rows]
    (tmp_path / "run" / SAMPLES_FILE).write_text("\n".join(lines) + "\n")

    exported = export_version(run, tmp_path / "models", "liveness", 1)

    known = read_trained_on(exported / TRAINED_ON_FILE)
    assert known is not None
    assert known.images.tolist() == [int("aa" * 8, 16), int("bb" * 8, 16)]
    assert sorted(known.subjects.tolist()) == sorted(map(subject_fingerprint, ("ann", "bob")))
    assert not known.qualified
    assert "ann" not in (exported / TRAINED_ON_FILE).read_text()


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("serving_default", {SCORES, LOGITS}),
        ("embed", {SCORES, LOGITS, EMBEDDING}),
        ("encoded", {SCORES, LOGITS}),
    ],
)
def test_signatures_have_the_names_of_the_contract(signatures: Any, name: str, outputs: set[str]) -> None:
    function = signatures[name]
    [tensor] = function.structured_input_signature[1].values()

    assert tensor.name == (ENCODED_IMAGES if name == "encoded" else IMAGES)
    assert tensor.shape[0] is None
    assert set(function.structured_outputs) == outputs


def test_scores_are_those_of_the_trained_model_at_any_batch(signatures: Any, run: TrainedRun) -> None:
    expected = expected_scores(run)
    for rows in (slice(0, 1), slice(0, 7)):
        outputs = signatures["serving_default"](images=tf.constant(PIXELS[rows]))

        assert outputs[SCORES].numpy() == pytest.approx(expected[rows], abs=1e-5)
        assert outputs[SCORES].dtype == tf.float32
        assert outputs[LOGITS].shape == (rows.stop, 2)


def test_embed_and_inspect_give_activations(signatures: Any, version: Path) -> None:
    embedding = signatures["embed"](images=tf.constant(PIXELS))[EMBEDDING]
    maps = signatures["inspect"](images=tf.constant(PIXELS))

    assert embedding.shape == (7, 5)
    assert set(maps) == set(read_model_card(version).layers)
    assert all(values.shape.rank == 4 and values.shape[0] == 7 for values in maps.values())


def test_encoded_bytes_of_any_size_and_format_are_scored(signatures: Any, run: TrainedRun) -> None:
    def encode(image: Image.Image, kind: str) -> bytes:
        stream = io.BytesIO()
        image.save(stream, kind)
        return stream.getvalue()

    exact = Image.fromarray(PIXELS[0])
    large = Image.fromarray(PIXELS[1]).resize((90, 70))
    content = [encode(exact, "PNG"), encode(exact, "BMP"), encode(large, "JPEG")]
    content += [encode(large.convert("L"), "PNG")]

    scores = signatures["encoded"](encoded_images=tf.constant(content))[SCORES].numpy()

    assert scores.shape == (4, 2)
    assert scores.sum(axis=1) == pytest.approx([1, 1, 1, 1], abs=1e-5)
    assert scores[0] == pytest.approx(expected_scores(run)[0], abs=1e-5)
    assert scores[1] == pytest.approx(expected_scores(run)[0], abs=1e-5)


def _png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\2\0\0\0"


def _jpeg(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "JPEG")
    header = b"\xff\xc0\0\x0b\x08"  # SOF0 of one component: precision, then height and width
    at = stream.getvalue().index(header) + len(header)
    return stream.getvalue()[:at] + struct.pack(">HH", height, width) + stream.getvalue()[at + 4 :]


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (_png(50_000, 1_001), "[1001] [50000]"),
        (_png(2**31 - 1, 2**31 - 1), "[2147483647] [2147483647]"),
        (_png(2**32 - 1, 1), "[1] [-1]"),
        (_jpeg(65_500, 65_500), "[65500] [65500]"),
        (b"BM" + bytes(16) + struct.pack("<ii", 50_000, -1_001) + bytes(28), "[1001] [50000]"),
        (b"GIF89a\1\0\1\0\0\0\0;", "[0] [0]"),
        (b"\x89PNG\r\n\x1a\n\0\0", "[0] [0]"),
        (b"BM", "[0] [0]"),
        (b"text", "[0] [0]"),
        (b"", "[0] [0]"),
    ],
    ids=["png", "overflow", "negative", "jpeg", "bmp", "gif", "cut png", "cut bmp", "text", "empty"],
)
def test_bombs_and_other_formats_are_refused_by_their_header(
    signatures: Any, content: bytes, size: str
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        signatures["encoded"](encoded_images=tf.constant([content]))

    # The decoder itself would say that the data are invalid: they have no pixels.
    assert "expected JPEG, PNG or BMP of at most 50000000 pixels" in refused.value.message
    assert size in refused.value.message


def test_the_card_tells_what_the_run_found(version: Path) -> None:
    card = read_model_card(version)

    assert (card.name, card.version, card.task, card.class_names) == (
        "liveness",
        3,
        "liveness",
        LIVENESS_CLASSES,
    )
    assert card.preprocessing == RECIPE.preprocessing
    assert card.operating_point() is not None
    assert card.training_data_digest == "d" * 64
    assert card.created_at.endswith("Z")


def test_warm_up_requests_parse_as_those_of_tensorflow_serving(version: Path) -> None:
    records = list(tf.data.TFRecordDataset(str(version / WARMUP_FILE)).as_numpy_iterator())
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]

    assert len(logs) >= 2
    for log in logs:
        request = log.predict_log.request
        images = tf.make_ndarray(request.inputs[IMAGES])
        assert request.model_spec.name == "liveness"
        assert request.model_spec.signature_name == "serving_default"
        assert images.dtype == np.uint8
        assert images.shape[1:] == (24, 32, 3)
        assert tensor_pb2.Tensor.FromString(request.inputs[IMAGES].SerializeToString()).tensor_content


def test_the_graph_is_frozen_and_keeps_its_weights_once(version: Path) -> None:
    graph = (
        saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
        .meta_graphs[0]
        .graph_def
    )
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    kernels = [node for node in nodes if node.op == "Const" and "stem_conv" in node.name]

    assert not [node.op for node in nodes if node.op in ("VarHandleOp", "ReadVariableOp")]
    assert len(kernels) == 1


@pytest.mark.parametrize(
    ("name", "number", "error", "says"),
    [
        ("liveness", 3, ConflictError, "take 4"),
        ("liveness", 0, ConfigurationError, "expected 1 or more"),
        ("../evil", 1, ConfigurationError, "model name"),
        ("", 1, ConfigurationError, "model name"),
    ],
    ids=["exists", "zero", "path", "empty"],
)
def test_a_version_that_cannot_be_is_refused(
    version: Path, run: TrainedRun, name: str, number: int, error: type[Exception], says: str
) -> None:
    base = version.parent.parent
    before = sorted(base.rglob("*"))

    with pytest.raises(error, match=says):
        export_version(run, base, name, number)

    assert sorted(base.rglob("*")) == before


def test_the_next_version_follows_the_greatest(tmp_path: Path) -> None:
    for name in ("1", "10", "9", ".lifesign-11-x.tmp"):
        (tmp_path / "m" / name).mkdir(parents=True)

    assert next_version(tmp_path, "m") == 11
    assert next_version(tmp_path, "new") == 1


def test_an_unfinished_run_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="no finished training run"):
        export_version(tmp_path, tmp_path / "models", "liveness", 1)


def test_a_graph_that_computes_something_else_is_refused(
    run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lifesign_training import export

    honest = export.build_servable

    def tampered(model: keras.Model, *rest: Any) -> Any:
        other = keras.models.clone_model(model)
        other.set_weights([weight * 1.5 for weight in model.get_weights()])
        return honest(other, *rest)

    monkeypatch.setattr(export, "build_servable", tampered)

    with pytest.raises(ContractError, match="differ from the trained model"):
        export_version(run, tmp_path / "models", "liveness", 1)
    assert not (tmp_path / "models").exists()


FULL = """
import resource, sys
from pathlib import Path
from lifesign_training.export import export_version
from lifesign.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    export_version(Path(sys.argv[1]), Path(sys.argv[2]), "liveness", 1)
except StorageError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2_000, 60_000], ids=["first file", "later file"])
def test_a_disk_that_refuses_leaves_no_part_of_a_version(run: TrainedRun, tmp_path: Path, limit: int) -> None:
    base = tmp_path / "models"

    result = subprocess.run(
        [sys.executable, "-c", FULL, str(run.directory), str(base), str(limit)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert result.stdout.startswith(f"cannot write model liveness version 1 below {base}: ")
    assert not base.exists()


PAUSED = """
import sys
from pathlib import Path
from lifesign_training import export
whole = export.require_parity
def pause(*arguments):
    whole(*arguments)
    print("written", flush=True)
    sys.stdin.read()
export.require_parity = pause
export.export_version(Path(sys.argv[1]), Path(sys.argv[2]), "liveness", int(sys.argv[3]))
"""


@pytest.mark.slow
def test_what_a_killed_export_left_is_gone_with_the_next(run: TrainedRun, tmp_path: Path) -> None:
    def start(version: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PAUSED, str(run.directory), str(tmp_path), str(version)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        return process

    with start(1) as killed, start(2) as living:
        killed.kill()
        killed.wait(60)
        assert len([*(tmp_path / "liveness").iterdir()]) == 2
        export_version(run, tmp_path, "liveness", 3)
        left = sorted(entry.name for entry in (tmp_path / "liveness").iterdir())
        assert len(left) == 2
        assert left[0].startswith(".lifesign-2-")
        living.communicate(timeout=60)

    assert living.returncode == 0
    assert sorted(entry.name for entry in (tmp_path / "liveness").iterdir()) == ["2", "3"]


def test_a_general_classifier_exports_with_its_own_classes(tmp_path: Path) -> None:
    recipe = load_recipe("digits-small", ["preprocessing.height=24", "preprocessing.width=32"])
    run = write_run(tmp_path / "run")
    model = build_model(recipe, classes=3)
    model.save(run.model_path)
    summary = run.summary.model_copy(
        update={
            "recipe": recipe,
            "class_names": ("cat", "dog", "owl"),
            "operating_points": (),
            "default_operating_point": None,
        }
    )
    TrainedRun(run.directory, summary).save()

    version = export_version(run.directory, tmp_path / "models", "pets", 1)

    card = json.loads((version / "assets.extra" / "model_card.json").read_text())
    assert card["task"] == "classification"
    assert card["class_names"] == ["cat", "dog", "owl"]
    assert tf.saved_model.load(str(version)).signatures["serving_default"](images=tf.constant(PIXELS))[
        SCORES
    ].shape == (7, 3)


@pytest.mark.slow
def test_mobilenet_keeps_the_same_contract(tmp_path: Path) -> None:
    recipe = load_recipe(
        "liveness-mobilenetv2",
        ["preprocessing.height=32", "preprocessing.width=32", "model.alpha=0.35", "model.embedding_size=6"],
    )
    run = write_run(tmp_path / "run", recipe)
    pixels = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    np.save(run.directory / PARITY_FILE, pixels)

    version = export_version(run, tmp_path / "models", "liveness", 1)

    signatures = tf.saved_model.load(str(version)).signatures
    maps = signatures["inspect"](images=tf.constant(pixels))
    assert signatures["embed"](images=tf.constant(pixels))[EMBEDDING].shape == (5, 6)
    assert set(maps) == set(read_model_card(version).layers)
    assert len(maps) == 6
