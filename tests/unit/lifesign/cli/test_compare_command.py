"""``lifesign compare``: two files, two runs, or one of each."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn import metrics
from typer.testing import CliRunner

from lifesign.cli import app

_COUNT = 1200


def _write(path, *, gain, seed, count=_COUNT, subjects=True, start=0):
    rng = np.random.default_rng(seed)
    lines = ["sample_id,label,score,subject_id,pai_species"]
    for index in range(start, start + count):
        real = index % 2 == 1
        score = 1 / (1 + np.exp(-gain * (2 if real else -2) - 1.3 * rng.standard_normal()))
        species = "" if real else ("print", "replay")[index // 2 % 2]
        who = f"u{index % 60}" if subjects else ""
        lines.append(",".join([f"s{index}", "live" if real else "spoof", f"{score:.6f}", who, species]))
    path.write_text("\n".join(lines) + "\n")
    return path


def _compare(*words):
    return CliRunner().invoke(app, ["compare", *map(str, words)])


def _scores(path):
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return np.array([row[1] == "live" for row in rows]), np.array([float(row[2]) for row in rows])


@pytest.mark.parametrize(
    ("gain", "code", "words"),
    [
        pytest.param(1.0, 0, "no error rate rises by more than 5 %", id="no worse"),
        pytest.param(0.3, 1, "worse by more than the 5 % allowed", id="worse"),
        pytest.param(0.8, 2, "too few samples to rule out a rise of 5 %", id="open"),
    ],
)
def test_the_margin_decides_the_exit_code(tmp_path, gain, code, words):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1)
    result = _compare(one, _write(tmp_path / "b.csv", gain=gain, seed=2), "--margin", "0.05")
    assert result.exit_code == code, result.output
    assert words in result.stdout


def test_numbers_are_those_of_scipy_and_sklearn(tmp_path):
    files = [_write(tmp_path / f"{gain}.csv", gain=gain, seed=3, subjects=False) for gain in (1.0, 0.7)]
    (true, before), (_, now) = map(_scores, files)
    report = json.loads(_compare(*files, "--threshold", "0.4", "--json").stdout)

    wrong = [(score >= 0.4) != true for score in (before, now)]
    newly_wrong, newly_right = (true & wrong[1] & ~wrong[0]).sum(), (true & wrong[0] & ~wrong[1]).sum()
    bpcer, apcer = report["errors"][:2]
    assert (bpcer["newly_wrong"], bpcer["newly_right"]) == (newly_wrong, newly_right)
    assert bpcer["difference"] == pytest.approx((newly_wrong - newly_right) / true.sum())
    exact = [
        stats.binomtest(int(row["newly_wrong"]), int(row["newly_wrong"] + row["newly_right"])).pvalue
        for row in (bpcer, apcer)
    ]
    low = min(1.0, 2 * min(exact))  # Holm of two: the smaller one doubled, the larger not below it
    assert min(bpcer["p_value"], apcer["p_value"]) == pytest.approx(low)
    assert max(bpcer["p_value"], apcer["p_value"]) == pytest.approx(max(low, max(exact)))
    area = report["areas"][0]
    assert area["baseline"] == pytest.approx(metrics.roc_auc_score(true, before))
    assert area["current"] == pytest.approx(metrics.roc_auc_score(true, now))
    assert area["lower"] < area["difference"] < area["upper"] < 0
    assert report["regressions"] == int((wrong[1] & ~wrong[0]).sum())
    flipped = {row["sample_id"] for row in report["flipped"]}
    assert len(flipped) == min(200, int((wrong[0] != wrong[1]).sum()))
    assert flipped <= {f"s{index}" for index in np.flatnonzero(wrong[0] != wrong[1])}


def test_subjects_are_drawn_whole_where_they_are_known(tmp_path):
    files = [_write(tmp_path / f"{gain}.csv", gain=gain, seed=4) for gain in (1.0, 0.9)]
    report = json.loads(_compare(*files, "--json").stdout)
    assert report["subjects"] == 60
    assert {row["interval_method"] for row in report["errors"]} == {"subject_bootstrap"}
    assert all(row["subject_p_value"] is not None for row in report["errors"])
    assert {row["method"] for row in report["areas"]} == {"delong_subjects"}


def test_a_run_and_a_file_and_the_page(tmp_path):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1)
    words = [
        "evaluate",
        "--predictions",
        str(one),
        "--out",
        str(tmp_path / "run"),
        "--threshold",
        "0.3",
        "-q",
    ]
    CliRunner().invoke(app, words)
    two = _write(tmp_path / "b.csv", gain=0.9, seed=2, count=700, start=600)
    result = _compare(tmp_path / "run", two, "--out", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))
    assert (document["common_samples"], document["only_baseline"], document["only_current"]) == (
        600,
        600,
        100,
    )
    assert (document["baseline"]["threshold"], document["current"]["threshold"]) == (0.3, 0.5)
    page = (tmp_path / "out" / "comparison.html").read_text("utf-8")
    assert "600 samples were answered by both, of 60 subjects" in page
    assert f"wrote {tmp_path / 'out' / 'comparison.html'}" in result.stderr


def test_the_page_shows_what_got_worse_where_the_pictures_are_at_hand(tmp_path):
    (tmp_path / "faces").mkdir()
    for index in range(40):
        Image.new("RGB", (40, 40), (index, 90, 90)).save(tmp_path / "faces" / f"{index}.png")
    for name, wrong in (("a", ()), ("b", (3, 5))):
        rows = ["sample_id,path,label,score"]
        for index in range(40):
            real = index % 2 == 1
            score = 0.9 if real != (index in wrong) else 0.1
            rows.append(f"s{index},faces/{index}.png,{'live' if real else 'spoof'},{score}")
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
    _compare(tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out")
    page = (tmp_path / "out" / "comparison.html").read_text("utf-8")
    assert page.count('src="data:image/jpeg') == 2
    assert all(f'alt="Sample s{index}, bona_fide, newly wrong"' in page for index in (3, 5))


def test_a_model_is_no_worse_than_itself(tmp_path):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1)
    document = json.loads(_compare(one, one, "--json").stdout)
    assert (document["verdict"], document["flipped"]) == ("pass", [])
    assert {row["difference"] for row in (*document["errors"], *document["areas"])} == {0.0}


def _unanswered(path, source, which):
    """Write scores again with none for some rows, told by number and label."""
    head, *rows = source.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    for index, row in enumerate(cells):
        if which(index, row[1]):
            row[2] = ""
    path.write_text("\n".join([head, *(",".join(row) for row in cells)]) + "\n")
    return path


def test_unanswered_samples_are_no_missing_ones(tmp_path):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1)
    some = _unanswered(tmp_path / "some.csv", one, lambda index, _: index % 60 == 0)
    result = _compare(some, some, "--margin", "0.05")
    assert result.exit_code == 0, result.output
    assert "0 of A that are not in B" in result.stdout
    assert "A did not answer 20 and B 20" in result.stdout


@pytest.mark.parametrize("label", ["live", "spoof"])
def test_a_candidate_that_leaves_its_errors_unanswered_does_not_pass(tmp_path, label):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1, subjects=False)
    two = _unanswered(tmp_path / "b.csv", one, lambda index, own: own == label and index % 12 < 2)
    result = _compare(one, two, "--margin", "0.05", "--json")
    document = json.loads(result.stdout)
    name = {"live": "BPNRR", "spoof": "APNRR"}[label]
    rows = {row["metric"]: row for row in document["errors"]}
    assert (result.exit_code, document["verdict"]) == (1, "fail")
    assert document["verdict_sentence"].startswith(f"{name} went from 0.0 % to ")
    assert rows[name]["current"] == pytest.approx(document["left_out"]["unanswered_by_current"] / 600)
    assert rows[name]["newly_wrong"] == document["left_out"]["unanswered_by_current"] > 60
    exact = stats.binomtest(rows[name]["newly_wrong"], rows[name]["newly_wrong"]).pvalue
    assert rows[name]["p_value"] == pytest.approx(2 * exact)  # Holm of two


def test_without_unanswered_samples_there_is_no_row_of_them(tmp_path):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1, count=40)
    document = json.loads(_compare(one, one, "--json").stdout)
    assert {row["metric"] for row in document["errors"]} == {
        "BPCER",
        "APCER",
        "APCER of print",
        "APCER of replay",
    }


def test_classes_have_an_error_rate_and_areas(tmp_path):
    rng = np.random.default_rng(5)
    for name in "ab":
        rows = [
            (f"s{index}", "xyz"[index % 3], *(rng.standard_normal(3) + 2 * np.eye(3)[index % 3]).round(4))
            for index in range(300)
        ]
        lines = ["sample_id,label,logit_x,logit_y,logit_z", *(",".join(map(str, row)) for row in rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    document = json.loads(_compare(tmp_path / "a.csv", tmp_path / "b.csv", "--json").stdout)
    assert [row["metric"] for row in document["errors"]] == ["error rate"]
    assert [row["name"] for row in document["areas"]] == [f"{name} against the others" for name in "xyz"]


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ("absent.csv", [], "expected the folder of a run or a predictions file, got no such file"),
        (".", [], "expected the folder of an evaluation run, found no run.json"),
        ("other_samples.csv", [], "expected samples that both answered, got none in common"),
        ("relabelled.csv", [], "expected each sample under one label, got 's0' as attack and as bona_fide"),
        ("classes.csv", [], "expected two models of the same classes"),
        ("a.csv", ["--aggregate", "mean"], "expected a data set with presentation_id to aggregate by"),
        ("a.csv", ["--threshold", "7"], "threshold: expected less than or equal to 1"),
        ("a.csv", ["--margin", "two"], "margin"),
    ],
)
def test_what_cannot_be_compared_leaves_with_three(tmp_path, other, options, message):
    one = _write(tmp_path / "a.csv", gain=1.0, seed=1, count=20)
    _write(tmp_path / "other_samples.csv", gain=1.0, seed=1, count=20, start=20)
    (tmp_path / "relabelled.csv").write_text(
        one.read_text().replace("live", "?").replace("spoof", "live").replace("?", "spoof")
    )
    (tmp_path / "classes.csv").write_text("sample_id,label,score_x,score_y\ns0,x,1,0\n")
    result = _compare(one, tmp_path / other, *options)
    assert (result.exit_code, result.stdout) == (3, "")
    assert message in result.stderr
    assert "Traceback" not in result.output


_MANY = tuple(f"c{index:02d}" for index in range(25))


@pytest.fixture(scope="module")
def many_classes(tmp_path_factory):
    """Two files of 25 classes, of which B misses the first more often, and its comparison with the page."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(6)
    true = np.arange(2500) % 25
    noise = rng.standard_normal((2500, 25))
    for name, loss in (("a", 0.0), ("b", 3.0)):
        logits = (noise + 3.5 * np.eye(25)[true]).round(4)
        logits[true == 0, 0] -= loss
        rows = [f"s{row},{_MANY[true[row]]}," + ",".join(map(str, logits[row])) for row in range(2500)]
        head = "sample_id,label," + ",".join(f"logit_{one}" for one in _MANY)
        (folder / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
    result = _compare(folder / "a.csv", folder / "b.csv", "--out", folder / "out")
    document = json.loads((folder / "out" / "comparison.json").read_text("utf-8"))
    return document, (folder / "out" / "comparison.html").read_text("utf-8"), result.stdout


def test_every_class_has_an_area_and_a_miss_rate(many_classes):
    document, _, _ = many_classes
    assert [row["name"] for row in document["areas"]] == [f"{name} against the others" for name in _MANY]
    assert [row["class_name"] for row in document["classes"]] == list(_MANY)
    assert all(row["samples"] == 100 for row in document["classes"])
    wrong = [row["newly_wrong"] - row["newly_right"] for row in document["classes"]]
    rates = [100 * (row["current"] - row["baseline"]) for row in document["classes"]]
    assert wrong == pytest.approx(rates)
    assert sum(wrong) == document["regressions"] - document["improvements"]


def test_p_values_of_classes_and_areas_are_corrected_for_their_number(many_classes):
    document, _, _ = many_classes
    exact = [
        stats.binomtest(row["newly_wrong"], row["newly_wrong"] + row["newly_right"]).pvalue
        if row["newly_wrong"] + row["newly_right"]
        else 1.0
        for row in document["classes"]
    ]
    assert document["classes"][0]["p_value"] == pytest.approx(25 * exact[0])
    assert all(row["p_value"] >= p for row, p in zip(document["classes"], exact, strict=True))
    surest = min(document["areas"], key=lambda row: row["p_value"])
    assert surest["name"] == "c00 against the others"
    assert surest["corrected_p_value"] == pytest.approx(25 * surest["p_value"])


def test_the_page_and_the_terminal_show_the_surest_of_many_classes_first(many_classes):
    _, page, told = many_classes
    assert "Of 25 classes, B misses 1 more often and none less often" in page
    assert page.index('<th scope="row">c00</th>') < page.index('<th scope="row">c01</th>')
    assert "The other 13 classes" in page
    assert "The other 13 curves" in page
    assert "15 further curves" in told
    assert "c00 against" in told
