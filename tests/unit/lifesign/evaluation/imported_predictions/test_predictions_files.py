"""Files as people have them: what they mean, and one clear sentence where they mean nothing."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lifesign.errors import LifesignError
from lifesign.evaluation.config import predictions_config
from lifesign.evaluation.imported_predictions.evaluation import evaluate_predictions, open_predictions
from lifesign.labels import LIVENESS_CLASSES

_HEADER = ("sample_id", "label", "score")


def _rows(bona_fide="1", attack="0", *, count=20):
    return [
        (f"s{i}", bona_fide if i % 2 else attack, f"{0.9 - i / 400 if i % 2 else 0.1 + i / 400:.4f}")
        for i in range(count)
    ]


def _csv(header, rows, separator=","):
    return "".join(separator.join(map(str, row)) + "\n" for row in (header, *rows))


def _more(row):
    return _csv(_HEADER, [*_rows(), row])


def _open(tmp_path, text, name="scores.csv", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_predictions(predictions_config(predictions=path, out=tmp_path / "out", **options))


def _table(opened):
    return pa.concat_tables(table for table, _ in opened.tables())


@pytest.mark.parametrize(
    ("bona_fide", "attack"),
    [
        ("1", "0"),
        ("+1", "-1"),
        ("1.0", "0.0"),
        ("True", "False"),
        ("bona_fide", "attack"),
        ("Bona Fide", "Presentation Attack"),
        ("bona-fide", "ATTACK"),
        ("BonaFide", "Spoofing"),
        ("REAL", "FAKE"),
        ("live", "spoof"),
        ("genuine", "imposter"),
        (" genuine ", " impostor "),
        ("client", "fake"),
        ("live_face", "spoof-face"),
    ],
)
def test_labels_of_liveness_in_many_spellings(tmp_path, bona_fide, attack):
    table = _table(_open(tmp_path, _csv(_HEADER, _rows(bona_fide, attack))))
    assert table["label"].to_pylist() == ["attack", "bona_fide"] * 10


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("\ufeff" + _csv(_HEADER, _rows()), "a.csv", id="byte order mark"),
        pytest.param(_csv(_HEADER, _rows()).replace("\n", "\r\n"), "a.csv", id="CRLF"),
        pytest.param(_csv(_HEADER, _rows()).rstrip(), "a.csv", id="no last line end"),
        pytest.param(_csv(_HEADER, _rows(), "\t"), "a.tsv", id="tabs"),
        pytest.param(_csv(_HEADER, _rows(), ";").replace(".", ","), "a.csv", id="semicolons, decimal comma"),
        pytest.param(_csv(("Sample ID", "Is_Bonafide", "Score"), _rows()), "a.csv", id="aliases"),
        pytest.param(_csv(("image", "target", "liveness_score"), _rows()), "a.csv", id="path as id"),
        pytest.param(_csv(("id", "class", "y_score"), _rows()), "a.csv", id="id of the sample"),
        pytest.param(_csv(("sample_id", "is_attack", "score"), _rows("0", "1")), "a.csv", id="is attack"),
        pytest.param(_csv(("claimed_id", "test_label", "is_bonafide", "attack_type", "score"),
                          [("u", a, b, "", c) for a, b, c in _rows("True", "False")]), "a.csv", id="bob"),
        pytest.param("\n".join(json.dumps({"sample_id": a, "label": int(b), "score": float(c)})
                               for a, b, c in _rows()), "a.jsonl", id="JSON lines"),
    ],
)  # fmt: skip
def test_the_same_scores_in_many_forms(tmp_path, text, name):
    opened = _open(tmp_path, text, name)
    table = _table(opened)
    assert opened.meaning.class_names == LIVENESS_CLASSES
    assert table["label"].to_pylist() == ["attack", "bona_fide"] * 10
    assert [one[1] for one in table["scores"].to_pylist()] == [float(score) for _, _, score in _rows()]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.string()], ids=str)
def test_parquet_with_numbers_keeps_the_digits(tmp_path, kind):
    scores = pa.array([0.7, 0.3, None], pa.float64()).cast(kind)
    parquet.write_table(
        pa.table({"sample_id": [1, 2, 3], "label": pa.array([1, 0, 1], pa.int8()), "score": scores}),
        tmp_path / "scores.parquet",
    )
    config = predictions_config(predictions=tmp_path / "scores.parquet", out=tmp_path / "out", threshold=0.7)
    document = evaluate_predictions(config).document
    # 0.7 >= 0.7, in whatever precision it was written
    assert document.confusion.counts == ((1, 0), (0, 1))
    assert (document.accounting.scored, document.accounting.reasons) == (2, {"missing_score": 1})


@pytest.mark.parametrize("word", ["", "NaN", "nan", "None", "null", "NA", "n/a", "-"])
def test_a_sample_without_score_has_no_response_and_a_reason(tmp_path, word):
    opened = _open(tmp_path, _csv(_HEADER, [*_rows(), ("x", "1", word)]))
    table = _table(opened)
    assert table.num_rows == opened.survey.samples == 21
    assert table["outcome"].to_pylist()[-1] == "no_response"
    assert table["reason"].to_pylist() == [None] * 20 + ["missing_score"]


def test_outcome_and_reason_of_the_file_are_kept(tmp_path):
    rows = [
        ("a", "1", "0.9", "scored", "ignored"),
        ("b", "0", "", "no_response", "truncated"),
        ("c", "0", "0.4", "No_Response", ""),
        ("d", "1", "", "scored", ""),
        ("e", "1", "0.8", "", ""),
    ]
    table = _table(_open(tmp_path, _csv((*_HEADER, "outcome", "reason"), rows)))
    assert table["reason"].to_pylist() == [None, "truncated", "unspecified", "missing_score", None]
    assert table["scores"].null_count == 3


@pytest.mark.parametrize(
    ("header", "cells", "scores", "logits"),
    [
        (("score",), ("0.8",), [0.2, 0.8], None),
        (("score_attack",), ("0.3",), [0.3, 0.7], None),
        (("score_real", "score_fake"), ("0.6", "0.4"), [0.4, 0.6], None),
        (("logit",), ("0",), [0.5, 0.5], [0, 0]),
        (("logit_bona_fide",), (str(np.log(3)),), [0.25, 0.75], [0, np.log(3)]),
        (("logit_spoof", "logit_live"), ("1", "1"), [0.5, 0.5], [1, 1]),
        (("score_live", "score_spoof", "logit_live", "logit_spoof"), ("1", "0", "30", "0"), [0, 1], [0, 30]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_scores_and_logits_of_liveness(tmp_path, header, cells, scores, logits):
    opened = _open(tmp_path, _csv(("sample_id", "label", *header), [("a", "live", *cells)]))
    table = _table(opened)
    assert opened.meaning.task == "liveness"
    assert table["scores"][0].as_py() == pytest.approx(scores)
    assert table["logits"][0].as_py() == (None if logits is None else pytest.approx(logits))


def test_classes_come_from_the_columns_in_their_order(tmp_path):
    rows = [(f"s{i}", ("cat", "Dog", "owl")[i % 3], i, 1, 0) for i in range(6)]
    opened = _open(tmp_path, _csv(("sample_id", "label", "logit_owl", "logit_cat", "logit_dog"), rows))
    assert opened.meaning.class_names == ("owl", "cat", "dog")
    assert opened.meaning.task == "classification"
    assert _table(opened)["label"].to_pylist() == ["cat", "dog", "owl"] * 2
    assert sum(_table(opened)["scores"][5].as_py()) == pytest.approx(1)


def test_numbered_classes_and_the_order_that_is_asked_for(tmp_path):
    header = ("sample_id", "label", "score_0", "score_1", "score_2")
    text = _csv(header, [(f"s{i}", f"{i % 3}.0", 0.1, 0.2, 0.7) for i in range(6)])
    opened = _open(tmp_path, text, class_names=("2", "1", "0"))
    assert opened.meaning.class_names == ("2", "1", "0")
    assert _table(opened)["scores"][0].as_py() == [0.7, 0.2, 0.1]


def test_other_columns_are_slices_and_ids(tmp_path):
    rows = [(*row, f"u{i % 3}", f"p{i}", "print", "ab"[i % 2], i) for i, row in enumerate(_rows())]
    header = (*_HEADER, "subject", "video_id", "attack_type", "device", "frame")
    opened = _open(tmp_path, _csv(header, rows))
    dataset = opened.record.dataset
    assert (dataset.subjects, dataset.presentations) == (3, 20)
    assert (dataset.metadata_columns, dataset.slice_columns) == (("device", "frame"), ("device",))
    assert _table(opened)["slice_device"].to_pylist() == ["a", "b"] * 10


_SPLITS = (*_HEADER, "split")


@pytest.mark.parametrize(
    ("header", "splits", "options", "samples", "words"),
    [
        (_SPLITS, ("test", "dev", ""), {}, 7, "6 rows name no split"),
        (_SPLITS, ("", "dev", "test"), {"split": "dev"}, 7, "7 rows name no split"),
        (_SPLITS, ("test", "dev", ""), {"split": "all"}, 20, None),
        (_SPLITS, ("test", "test", "dev"), {}, 14, None),
        (_SPLITS, ("", "", ""), {}, 20, None),
        (_SPLITS, ("", "", ""), {"split": "dev"}, 20, "though 'dev' was asked for"),
        (_HEADER, None, {"split": "dev"}, 20, "though 'dev' was asked for"),
        (_HEADER, None, {}, 20, None),
    ],
    ids=["test", "dev", "all", "no blank", "all blank", "blank, dev asked", "none, dev asked", "no splits"],
)
def test_rows_that_a_split_leaves_out_or_takes_in_are_told(tmp_path, header, splits, options, samples, words):
    rows = [row if splits is None else (*row, splits[i % 3]) for i, row in enumerate(_rows())]
    opened = _open(tmp_path, _csv(header, rows), **options)
    assert opened.survey.samples == samples
    assert [words in note for note in opened.record.assumed] == ([] if words is None else [True])


@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
def test_columns_that_say_the_same_again_are_told_and_not_read(tmp_path, order):
    header = ("sample_id", "label", *("score_cat", "score_dog", "prob_cat", "prob_dog")[::order])
    rows = [(f"s{i}", "cat" if i % 2 else "dog", *(0.9, 0.1, 0.2, 0.8)[::order]) for i in range(10)]
    opened = _open(tmp_path, _csv(header, rows))
    assert dict(zip(opened.meaning.class_names, _table(opened)["scores"][0].as_py(), strict=True)) == {
        "cat": 0.9,
        "dog": 0.1,
    }
    assert sorted(opened.record.assumed) == [
        "column 'prob_cat' is not used: 'score_cat' is",
        "column 'prob_dog' is not used: 'score_dog' is",
    ]


def test_two_columns_of_a_class_of_which_none_is_plainer_are_refused(tmp_path):
    header = ("sample_id", "label", "prob_cat", "prob_dog", "probability_cat")
    with pytest.raises(LifesignError, match=r"\['prob_cat', 'probability_cat'\] all are of class 'cat'"):
        _open(tmp_path, _csv(header, [("a", "cat", 0.9, 0.1, 0.9), ("b", "dog", 0.1, 0.9, 0.1)]))


def test_a_split_column_chooses_rows(tmp_path):
    rows = [(*row, ("devel", "eval")[i // 10]) for i, row in enumerate(_rows())]
    text = _csv((*_HEADER, "split"), rows)
    assert _open(tmp_path, text).survey.samples == 10
    assert _open(tmp_path, text, split="all").survey.samples == 20
    assert _table(_open(tmp_path, text, split="dev"))["sample_id"].to_pylist() == [f"s{i}" for i in range(10)]


def test_a_limit_draws_by_the_hash_of_ids_whatever_the_order_of_rows(tmp_path):
    rows = _rows(count=100)
    one = _table(_open(tmp_path, _csv(_HEADER, rows), limit=7))["sample_id"].to_pylist()
    other = _table(_open(tmp_path, _csv(_HEADER, rows[::-1]), limit=7))["sample_id"].to_pylist()
    assert len(one) == 7
    assert sorted(one) == sorted(other)


_CATS = _csv(("sample_id", "label", "score_cat", "score_dog"), [("a", "owl", 0.5, 0.5)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header and one row per sample, got an empty file"),
        (_csv(_HEADER, []), "expected one row per sample, got only a header"),
        ("sample_id,label,score", "got a single line"),
        (_more(("x", "1")), "expected 3 fields as in the header, got 2 in line 22: 'x,1'"),
        (_more(("x", "1", "0.5", "")), "expected 3 fields as in the header, got 4 in line"),
        (_csv(_HEADER, [("é", 1, 1)]).encode("latin-1"), "expected readable CSV in UTF-8"),
        (_csv(_HEADER, _rows()).encode("utf-16"), "expected UTF-8 text, got UTF-16"),
        (
            _csv(_HEADER[:2], [row[:2] for row in _rows()]),
            "expected a column score (P(bona fide), in [0, 1])",
        ),
        (_csv(_HEADER[::2], [row[::2] for row in _rows()]), "expected a column label (or is_bonafide"),
        (_csv(_HEADER[1:], [row[1:] for row in _rows()]), "expected a column sample_id"),
        (_csv((*_HEADER, "score"), [(*row, 1) for row in _rows()]), "each column once, got ['score']"),
        (_csv((*_HEADER, "subject", "user"), [(*r, 1, 2) for r in _rows()]), "['subject', 'user'] all mean"),
        (_more(("s1", "1", "1")), "more than once, such as 's1' in rows 2 and 21"),
        (_more(("x", "", "1")), "row 21, sample 'x': expected a label in every row, got none"),
        (_more(("x", "sofa", "1")), "unknown class 'sofa': found ['0', '1', 'sofa']"),
        (
            _csv(_HEADER, [("a", "cat", "1")]),
            "'score' is P(bona fide), other classes need score_<class> each",
        ),
        (_more(("x", "1", "1.7")), "sample 'x': expected 'score' as a probability in [0, 1]"),
        (_more(("x", "1", "-inf")), "sample 'x': expected 'score' as a probability in [0, 1]"),
        (_more(("x", "1", "0.9 %")), "sample 'x': expected a number as 'score', got '0.9 %'"),
        (
            _csv((*_HEADER, "outcome"), [("x", 1, 1, "so")]),
            "sample 'x': expected the outcome scored or no_resp",
        ),
        (_csv((*_HEADER, "split"), [("x", 1, 1, "fold1")]), "expected the splits train, dev and test"),
        (_csv((*_HEADER, "split"), [("x", 1, 1, "dev")]), "expected samples of the split 'test', got only"),
        (_CATS, "unknown class 'owl'"),
        (
            _csv(("sample_id", "label", "score_cat"), [("a", "cat", 1)]),
            "score_<class> for two or more classes",
        ),
    ],
)
def test_what_a_file_lacks_is_said_in_a_sentence(tmp_path, text, message):
    with pytest.raises(LifesignError) as found:
        _table(_open(tmp_path, text))
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "", "expected a file ending in .csv"),
        ("a.parquet", "hello", "expected a readable Parquet file"),
        ("a.jsonl", "{", "expected JSON in line 1"),
        ("a.jsonl", "[1]", "expected a JSON object in line 1"),
        (
            "a.jsonl",
            '{"sample_id": "a", "label": 1, "score": [0, 1]}',
            "is one column score_<class> per class",
        ),
    ],
)
def test_files_of_the_wrong_kind(tmp_path, name, text, message):
    with pytest.raises(LifesignError, match=r".") as found:
        _open(tmp_path, text, name)
    assert message in str(found.value)


def test_missing_classes_leave_rates_undefined_and_say_so(tmp_path):
    text = _csv(_HEADER, [row for row in _rows() if row[1] == "0"])
    (tmp_path / "a.csv").write_text(text)
    result = evaluate_predictions(predictions_config(predictions=tmp_path / "a.csv", out=tmp_path / "out"))
    assert result.exit_code == 2
    assert result.assumed == ("no bona_fide sample among 10: BPCER, EER and AUC are undefined",)
    assert result.document.pad is not None
    assert result.document.pad.bpcer.value is None


def test_a_failed_reading_leaves_the_folder_free(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(_csv(_HEADER, [*_rows(), ("x", "1", "9")]))
    config = predictions_config(predictions=path, out=tmp_path / "out")
    with pytest.raises(LifesignError):
        evaluate_predictions(config)
    path.write_text(_csv(_HEADER, _rows()))
    assert evaluate_predictions(config).exit_code == 0


def test_scores_that_do_not_add_up_are_noted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        _csv(("sample_id", "label", "score_cat", "score_dog"), [("a", "cat", 1, 1), ("b", "dog", 0, 1)])
    )
    result = evaluate_predictions(predictions_config(predictions=path, out=tmp_path / "out"))
    assert "scores of 1 samples do not add up to 1" in " ".join(result.assumed)
    assert f"Of the file: {result.assumed[0]}." in result.document.limitations
