"""``lifesign figure``: each kind from its source as a file, and what is said where the source is another."""

import io
import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.errors import LifesignError
from lifesign.testing.model_server import FakeModelServer
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.report_documents import report_of_confusion
from lifesign.testing.reports import liveness_spec, write_run


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with one source of each sort that needs no TensorFlow."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "run").mkdir()
    write_run(folder / "run", liveness_predictions(0, subjects=20), liveness_spec(threshold=0.5))
    history = {"loss": [1.0, 0.8, 0.7], "val_loss": [1.1, 0.9, 0.85]}
    for name in ("first", "second"):
        (folder / f"{name}.json").write_text(json.dumps(history))
    (folder / "matrix.json").write_text("[[1436, 234], [14, 1461]]")
    Image.new("RGB", (40, 40), "white").save(folder / "white.png")
    return folder


def _figure(*words):
    return CliRunner().invoke(app, ["figure", *map(str, words)])


@pytest.mark.parametrize(
    ("kind", "sources", "title"),
    [
        ("curves", ["first.json"], "Best validation loss 0.85 at epoch 3 of 3"),
        ("curves", ["first.json", "second.json"], "Of 2 trainings"),
        ("confusion", ["run"], "% right: "),
        ("confusion", ["matrix.json"], "92.1 % right: 2,897 of 3,145"),
        ("classes", ["matrix.json"], "class 0 is recognised least: recall 86.0 %"),
        ("roc", ["run/report.json"], "against all attacks"),
        ("calibration", ["run"], "points on average"),
        ("errors", ["run"], "errors; the worst"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
@pytest.mark.parametrize("form", ["png", "svg"])
def test_a_figure_is_written_and_its_title_told(given, tmp_path, kind, sources, title, form):
    out = tmp_path / f"figure.{form}"
    ended = _figure(kind, *(given / name for name in sources), "--out", out, "--dpi", 50)
    assert ended.exit_code == 0, ended.output
    assert title in ended.stdout
    if form == "png":
        with Image.open(out) as picture:
            assert picture.width > 200
    else:
        assert ElementTree.parse(out).getroot().tag.endswith("svg")


def test_the_wall_holds_what_there_is_and_says_what_is_missing(given, tmp_path):
    out = tmp_path / "wall.png"
    ended = _figure("wall", given / "run", given / "first.json", "--out", out, "--dpi", 40)
    assert ended.exit_code == 0, ended.output
    assert len(ended.stdout.splitlines()) == 6
    assert "note: maps: not drawn, it needs host:port of a model server" in ended.stderr
    with Image.open(io.BytesIO(out.read_bytes())) as sheet:
        assert sheet.width > 500


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["roc", "first.json"], "roc: expected an evaluation run or a report.json, got"),
        (["curves", "run"], "curves: expected a training run, a history"),
        (["maps", "run"], "maps: expected host:port of a model server"),
        (["filters", "run"], "filters: expected a Keras file, a SavedModel folder or a training run"),
        (["saliency", "run"], "saliency: expected host:port of a model server (occlusion), a Keras file"),
        (["confusion", "nothing.json"], "expected a file or folder, or host:port of a model server"),
        (["confusion", "white.png"], "white.png"),
        (["maps", "localhost:1"], "maps: expected --model"),
        (["wall", "localhost:1"], "wall: nothing can be drawn"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_another_source_is_refused_with_what_the_kind_needs(given, tmp_path, words, message):
    kind, name = words
    source = name if ":" in name else given / name
    ended = _figure(kind, source, "--out", tmp_path / "x.png")
    assert isinstance(ended.exception, LifesignError), ended.output
    assert message in str(ended.exception)
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.pdf"], "expected a .png or .svg file, got x.pdf"),
        (["--out", "x.png", "--dpi", "9000"], "expected 40 to 600, got 9000"),
        (["--out", "x.png", "--image-size", "12"], "expected HEIGHTxWIDTH"),
        (["--out", "x.png", "--image-size", "0x12"], "expected HEIGHTxWIDTH"),
        (["--out", "x.png", "--superclasses", "none.csv"], "No such file"),
    ],
)
def test_wrong_options_are_refused(given, options, message):
    ended = _figure("confusion", given / "run", *options)
    assert isinstance(ended.exception, LifesignError)
    assert message in str(ended.exception)


def test_occlusion_asks_any_server(given, tmp_path):
    with FakeModelServer() as server:
        words = ["saliency", server.target, "--model", "liveness", "--image", given / "white.png"]
        ended = _figure(*words, "--class", "class 1", "--out", tmp_path / "x.png")
        assert ended.exit_code == 0, ended.output
        assert ended.stdout.startswith("Hiding one 4 × 4 patch takes the score of class 1 from 0.9996")
        named = _figure(*words, "--class", "cat", "--out", tmp_path / "x.png")
        assert str(named.exception) == "--class: expected one of class 0, class 1, got 'cat'"
        # A model without the signature cannot show its layers.
        maps = _figure("maps", *words[1:], "--out", tmp_path / "x.png")
        assert "expected a signature 'inspect' with named layers, got serving_default" in str(maps.exception)


def test_superclasses_order_a_matrix(tmp_path):
    report = report_of_confusion(np.diag([5, 6, 7]), ("oak", "cat", "elm"))
    (tmp_path / "report.json").write_text(report.to_json())
    (tmp_path / "groups.csv").write_text("class,superclass\noak,tree\nelm,tree\ncat,animal\n")
    words = ["confusion", tmp_path, "--order", "superclass", "--out", tmp_path / "x.svg"]
    assert _figure(*words, "--superclasses", tmp_path / "groups.csv").exit_code == 0
    assert "got none for oak, cat, elm" in str(_figure(*words).exception)


@pytest.mark.parametrize("words", [["--help"], ["figure", "--help"]], ids=" ".join)
def test_the_help_loads_no_drawing(words):
    code = (
        "import sys; from lifesign.cli import app\n"
        f"try: app({words!r})\n"
        "except SystemExit: print([name for name in ('matplotlib', 'numpy', 'tensorflow', 'grpc') "
        "if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "figure" in found.stdout
    assert found.stdout.splitlines()[-1] == "[]"
