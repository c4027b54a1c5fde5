"""Every form that figures come in is read, and what is no figure is refused with a sentence."""

import codecs
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.metrics import classification_report

from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.inputs.files import read_cases

_HISTORY = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.9], "accuracy": [0.5, 0.8], "val_accuracy": [0.5, 0.7]}
_LOG = "\n".join(
    f"Epoch {index + 1}/2\n90/90 [====] - 9s 99ms/step - loss: {_HISTORY['loss'][index]} - accuracy: "
    f"{_HISTORY['accuracy'][index]} - val_loss: {_HISTORY['val_loss'][index]} - val_accuracy: "
    f"{_HISTORY['val_accuracy'][index]}"
    for index in range(2)
)
_CSV_LOGGER = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.5,1.1\n1,0.8,0.5,0.7,0.9\n"
_MATRIX = [[9, 1, 0], [2, 8, 0], [0, 3, 7]]
_ANIMALS = ("cat", "dog", "fox")
_ROWS = "\n".join(",".join(map(str, row)) for row in _MATRIX)
_NAMED_ROWS = "\n".join(
    f"{name},{row}" for name, row in zip(("cat", "dog", "fox"), _ROWS.split(), strict=True)
)
_TRUE, _PREDICTED = (
    [row for row, cells in enumerate(_MATRIX) for _ in range(sum(cells))],
    [column for cells in _MATRIX for column, count in enumerate(cells) for _ in range(count)],
)


def _read(path: Path) -> Evidence:
    (evidence,), problems = read_cases([path])
    assert problems == []
    return evidence


def _written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.txt", _LOG),
        ("windows.txt", _LOG.replace("\n", "\r\n")),
        ("marked.txt", codecs.BOM_UTF8 + _LOG.encode()),
        ("utf16.txt", _LOG.encode("utf-16")),
        ("unmarked.txt", _LOG.encode("utf-16-be")),
        ("cut.log", _LOG.encode() + "é".encode()[:1]),
        ("history.json", json.dumps(_HISTORY)),
        ("records.json", json.dumps([{name: v[i] for name, v in _HISTORY.items()} for i in range(2)])),
        ("logger.csv", _CSV_LOGGER),
        ("excel.csv", _CSV_LOGGER.replace(",", ";").replace(".", ",")),
        ("pasted", _CSV_LOGGER),
        ("tabs.tsv", _CSV_LOGGER.replace(",", "\t")),
        ("epochs.jsonl", "\n".join(json.dumps({n: v[i] for n, v in _HISTORY.items()}) for i in range(2))),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_a_history_is_read_from_every_form(tmp_path: Path, name: str, content: str | bytes) -> None:
    curves = _read(_written(tmp_path, name, content)).curves

    assert curves is not None
    assert {name: values.tolist() for name, values in curves.series.items()} == _HISTORY


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        ("m.json", json.dumps(_MATRIX), ("0", "1", "2")),
        ("m.csv", _ROWS, ("0", "1", "2")),
        ("header.csv", f"cat,dog,fox\n{_ROWS}", _ANIMALS),
        ("numbers.csv", f"0,1,2\n{_ROWS}", ("0", "1", "2")),
        ("labels.csv", f",cat,dog,fox\n{_NAMED_ROWS}", _ANIMALS),
        ("rows.csv", _NAMED_ROWS, _ANIMALS),
        (
            "margins.csv",
            "x,cat,dog,fox,All\ncat,9,1,0,10\ndog,2,8,0,10\nfox,0,3,7,10\nAll,1,1,7,30",
            _ANIMALS,
        ),
        ("printed.txt", "[[9 1 0]\n [2 8 0]\n [0 3 7]]", ("0", "1", "2")),
        ("report.txt", "Confusion matrix:\n[[9 1 0]\n [2 8 0]\n [0 3 7]]\n", ("0", "1", "2")),
        (
            "p.csv",
            "y_true,y_pred\n" + "".join(f"{a},{b}\n" for a, b in zip(_TRUE, _PREDICTED, strict=True)),
            ("0", "1", "2"),
        ),
        (
            "scores.csv",
            "sample_id,label,score_cat,score_dog,score_fox\n"
            + "".join(
                f"s,{_ANIMALS[a]},{','.join('.8' if b == k else '.1' for k in range(3))}\n"
                for a, b in zip(_TRUE, _PREDICTED, strict=True)
            ),
            _ANIMALS,
        ),
        (
            "columns.csv",
            "label,prob_0,prob_1,prob_2\n"
            + "".join(
                f"{a},{','.join('.8' if b == k else '.1' for k in range(3))}\n"
                for a, b in zip(_TRUE, _PREDICTED, strict=True)
            ),
            ("0", "1", "2"),
        ),
        ("p.json", json.dumps({"y_true": _TRUE, "y_pred": _PREDICTED}), ("0", "1", "2")),
        (
            "one_hot.json",
            json.dumps({"y_true": np.eye(3)[_TRUE].tolist(), "y_pred": _PREDICTED}),
            ("0", "1", "2"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_a_matrix_is_read_from_every_form(
    tmp_path: Path, name: str, content: str, names: tuple[str, ...]
) -> None:
    evidence = _read(_written(tmp_path, name, content))

    assert evidence.evaluated_matrix is not None
    assert evidence.evaluated_matrix.tolist() == _MATRIX
    assert tuple(evidence.name_of(index) for index in range(3)) == names


def test_our_predictions_are_read_as_parquet(tmp_path: Path) -> None:
    answers = np.where(np.eye(3)[_PREDICTED] > 0, 0.8, 0.1)
    table = pa.table(
        {
            "sample_id": [str(index) for index in range(len(_TRUE))],
            "label": [_ANIMALS[index] for index in _TRUE],
            **{f"score_{name}": answers[:, index] for index, name in enumerate(_ANIMALS)},
        }
    )
    parquet.write_table(table, tmp_path / "p.parquet")

    matrix = _read(tmp_path / "p.parquet").evaluated_matrix

    assert matrix is not None
    assert matrix.tolist() == _MATRIX


@pytest.mark.parametrize("as_dictionary", [False, True], ids=["printed", "output_dict"])
def test_a_classification_report_is_read(tmp_path: Path, as_dictionary: bool) -> None:
    given = classification_report(_TRUE, _PREDICTED, target_names=_ANIMALS, output_dict=as_dictionary)
    text = given if isinstance(given, str) else json.dumps(given)
    path = _written(tmp_path, "report.json" if as_dictionary else "r.txt", text)

    report = _read(path).report

    assert report is not None
    assert report.names == _ANIMALS
    assert report.support.tolist() == [10, 10, 10]
    assert report.recall == pytest.approx([0.9, 0.8, 0.7])


def test_rows_of_a_report_and_a_matrix_are_no_notes(tmp_path: Path) -> None:
    report = classification_report(_TRUE, _PREDICTED, target_names=_ANIMALS)
    path = _written(tmp_path, "r.txt", f"Dense(3, activation='softmax')\n{report}\n{np.array(_MATRIX)}\n")

    evidence = _read(path)

    assert evidence.report is not None
    assert evidence.matrix is not None
    assert evidence.setup.notes == ("Dense(3, activation='softmax')",)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("c.json", '{"cat": 50, "dog": 5}', {"all": {"cat": 50, "dog": 5}}),
        (
            "s.json",
            '{"train": {"cat": 50}, "test": [5, 6]}',
            {"train": {"cat": 50}, "test": {"0": 5, "1": 6}},
        ),
        ("c.csv", "class,count\ncat,50\ndog,5\n", {"all": {"cat": 50, "dog": 5}}),
        (
            "s.csv",
            "split,label,n\ntrain,cat,50\ndev,cat,5\n",
            {"train": {"cat": 50}, "validation": {"cat": 5}},
        ),
    ],
)
def test_class_counts_are_read(tmp_path: Path, name: str, content: str, expected: dict[str, Any]) -> None:
    counts = _read(_written(tmp_path, name, content)).counts

    assert {split: dict(given.by_class) for split, given in counts.items()} == expected


def test_an_evaluation_and_notes_are_read(tmp_path: Path) -> None:
    figures = _read(_written(tmp_path, "e.json", '{"loss": 0.4, "accuracy": 0.9}')).evaluations
    notes = _read(_written(tmp_path, "notes.md", "Dense(10, activation='softmax')\nloss = mse\n")).setup

    assert [(one.loss, one.accuracy) for one in figures] == [(0.4, 0.9)]
    assert notes.output.units == 10
    assert notes.loss == "mse"


def test_files_of_one_run_are_one_case_and_case_files_their_own(tmp_path: Path) -> None:
    paths = [
        _written(tmp_path, "log.txt", _LOG),
        _written(tmp_path, "m.json", json.dumps(_MATRIX)),
        _written(tmp_path, "case.json", json.dumps({"id": "its-own", "inputs": {"history": _HISTORY}})),
        _written(tmp_path, "c.csv", "class,count\ncat,50\ndog,5\n"),
        tmp_path / "missing.txt",
    ]

    cases, problems = read_cases(paths, notes=["10 classes"])

    assert [case.id for case in cases] == ["its-own", "log"]
    assert cases[1].curves is not None
    assert cases[1].matrix is not None
    assert cases[1].counts
    assert cases[1].setup.notes == ("10 classes",)
    assert problems == [f"{tmp_path / 'missing.txt'}: no such file or folder"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("h.pkl", pickle.dumps(_HISTORY), "a pickle; loading one runs the code in it"),
        ("h", pickle.dumps(_HISTORY, 4), "a pickle; loading one runs the code in it"),
        ("h0", pickle.dumps(_HISTORY, 0), "a pickle; loading one runs the code in it"),
        ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(50), "a saved model or HDF5 file"),
        ("x.npz", b"PK\x03\x04" + bytes(50), "a zip archive"),
        ("x.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "a picture"),
        ("x.bin", bytes(range(256)) * 8, "a binary file"),
        ("e.txt", b"", "an empty file"),
        ("b.txt", b"\n \n", "got no line of these"),
        ("w.json", b'{"loss": [1, 2', "expected JSON: Expecting ',' delimiter: line 1"),
        ("deep.json", b"[" * 100_000, "expected JSON"),
        ("n.json", b"3", "got 3"),
        ("o.json", b"{}", "an empty object"),
        ("q.json", b"[[1, 2, 3], [4, 5, 6]]", "expected a square matrix, got 2 rows of 3 cells"),
        ("q.csv", b"1,2,3\n4,5,6\n", "expected a square matrix, got 2 rows of 3 cells"),
        ("f.json", b"[[0.9, 0.1], [0.2, 0.8]]", "expected counts, got shares"),
        ("t.csv", b"name,place\nx,y\n", "got name, place"),
        ("p.csv", b"y_true,y_pred\n", "got a header alone"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 10 else "",
)
def test_what_is_no_figure_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    path = _written(tmp_path, name, content)

    cases, (problem,) = read_cases([path])

    assert cases == []
    assert Path(name).stem in problem
    assert expected in problem


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    cases, (problem,) = read_cases([tmp_path])

    assert cases == []
    assert "found none" in problem


def test_our_run_folders_and_report_are_read(
    tmp_path: Path, finished_training: Callable[[Path], Path]
) -> None:
    evidence = _read(finished_training(tmp_path))

    assert evidence.curves is not None
    assert evidence.curves.val_loss is not None
    assert evidence.counts["train"].by_class == {"attack": 2, "bona_fide": 1}
    assert evidence.class_names == ("attack", "bona_fide")


@pytest.fixture
def finished_training() -> Callable[[Path], Path]:
    """Write what a training of ours leaves."""

    def write(folder: Path) -> Path:
        record = {"epoch": 1, "train_loss": 0.7, "train_accuracy": 0.5, "dev_loss": 0.6, "dev_accuracy": 0.6}
        (folder / "history.json").write_text(json.dumps([record, {**record, "epoch": 2, "dev_loss": 0.5}]))
        (folder / "samples.csv").write_text(
            "path,split,label\na,train,attack\nb,train,attack\nc,train,bona_fide\nd,dev,attack\n"
        )
        (folder / "config.json").write_text(
            json.dumps({"class_names": ["attack", "bona_fide"], "recipe": {}})
        )
        return folder

    return write


def test_event_files_are_read(tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for split, prefix in (("train", ""), ("validation", "val_")):
        writer = EventFileWriter(str(tmp_path / split))
        for epoch in range(2):
            values = [
                Summary.Value(tag=f"epoch_{name}", simple_value=_HISTORY[prefix + name][epoch])
                for name in ("loss", "accuracy")
            ]
            writer.add_event(Event(step=epoch, summary=Summary(value=values)))
        writer.close()

    curves = _read(tmp_path).curves

    assert curves is not None
    assert {name: values.tolist() for name, values in curves.series.items()} == {
        name: pytest.approx(values) for name, values in _HISTORY.items()
    }


def test_a_long_log_is_read_with_progress_and_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    with path.open("w") as stream:
        for epoch in range(6_000):
            stream.write(f"Epoch {epoch + 1}/6000\n1s - loss: {1 / (epoch + 1):.4f}\n{'x' * 60}\n")
    told: list[tuple[int, int]] = []

    (evidence,), _ = read_cases([path], tell=lambda done, total: told.append((done, total)))

    assert evidence.curves is not None
    assert len(evidence.curves) == 5_000
    assert evidence.remarks == (f"{path}: only the first 5,000 of 6,000 epochs are looked at",)
    assert len(evidence.setup.notes) <= 2_001
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize(
    ("split", "losses"), [("test", [1.0, 0.5]), ("dev", None), (None, None)], ids=["test", "dev", "other"]
)
def test_a_report_tells_its_training_where_it_is_of_its_test_split(
    tmp_path: Path, split: str | None, losses: list[float] | None
) -> None:
    path = tmp_path / "report.json"
    training = {
        "figures": {"train_loss": [1.0, 0.5], "dev_loss": [1.1, None]},
        "samples": {"train": 40, "dev": 9},
        "configuration": ["optimizer adam"],
        "evaluated_split": split,
    }
    document = {"confusion": {"class_names": list(_ANIMALS), "counts": _MATRIX}, "training": training}
    path.write_text(json.dumps({"schema_version": "1.0", **document}))

    evidence = _read(path)

    assert evidence.matrix is not None
    if losses is None:
        assert evidence.curves is None
        assert evidence.setup.optimizer is None
    else:
        assert evidence.curves is not None
        assert evidence.curves.loss is not None
        assert evidence.curves.loss.tolist() == losses
        assert (evidence.curves.train_samples, evidence.curves.validation_samples) == (40, 9)
        assert evidence.setup.optimizer == "adam"
