"""The file of evaluations and schedules is checked before anything runs."""

from pathlib import Path

import pytest

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.monitor.schedules import ScheduleBook, load_schedules

_GOOD = """
evaluations:
  nightly-faces: {target: "localhost:8500", model: liveness, data: faces, batch_size: 8}
schedules:
  nightly: {cron: "0 2 * * *", timezone: Europe/Berlin, evaluation: nightly-faces}
"""


def _load(folder: Path, text: str) -> ScheduleBook:
    path = folder / "schedules.yaml"
    path.write_text(text)
    return load_schedules(path)


def test_a_good_file_gives_configs_and_schedules(tmp_path: Path) -> None:
    book = _load(tmp_path, _GOOD)

    config = book.config("nightly-faces", out=tmp_path / "run")

    assert (config.model, config.batch_size, config.out) == ("liveness", 8, tmp_path / "run")
    assert book.schedules["nightly"].evaluation == "nightly-faces"


def test_an_evaluation_can_say_what_a_model_of_another_make_takes(tmp_path: Path) -> None:
    contract = "contract: {input: {scaling: torch}, class_names: [attack, bona_fide]}"
    book = _load(tmp_path, _GOOD.replace("batch_size: 8", contract))

    config = book.config("nightly-faces", out=tmp_path / "run")

    assert config.contract is not None
    assert config.contract.input.scaling == "torch"


def test_an_empty_file_means_nothing_to_do(tmp_path: Path) -> None:
    assert _load(tmp_path, "") == ScheduleBook()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "evaluations: {a: {model: m, data: d}}",
            "schedules.yaml: evaluations.a.target: Field required",
        ),
        (
            "evaluations: {a: {target: t, model: m, data: d, batch_size: many}}",
            "evaluations.a.batch_size: Input should be a valid integer, unable to parse string as an integer,"
            " got 'many'",
        ),
        ("evaluations: {a: {target: t, model: m, data: d, bach: 1}}", "evaluations.a.bach: Extra inputs"),
        ("evaluations: {a: {target: t, model: m, data: d, out: o}}", "evaluations.a.out: remove it"),
        ("evaluations: {'../a': {target: t, model: m, data: d}}", "expected a name of letters"),
        ("evaluations: [1]", "schedules.yaml: evaluations: Input should be a valid dictionary"),
        ("evaluation: {}", "schedules.yaml: evaluation: Extra inputs are not permitted"),
        (
            "schedules: {s: {cron: '0 2 * * *', evaluation: b}}",
            "schedules.s.evaluation: expected one of none",
        ),
        ("schedules: {s: {cron: '0 2 * *', evaluation: b}}", "schedules.s.cron: expected five fields"),
        ("schedules: {s: {evaluation: b}}", "schedules.s.cron: Field required"),
        ("evaluations: {a: 1, a: 2}", "line 1: key 'a' is there twice"),
        ("evaluations: {a: [", "schedules.yaml, line 1"),
        ("just words", "schedules.yaml: Input should be"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_last_pass_is_found_when_it_is_needed(tmp_path: Path) -> None:
    text = "evaluations: {a: {target: t, model: m, data: sets/d, baseline: last-pass}}"
    book = _load(tmp_path, text)

    config = book.config("a", out=tmp_path, last_pass=lambda model, dataset: Path(model, dataset))

    assert config.baseline == Path("m", "d")
    assert book.config("a", out=tmp_path).baseline is None


def test_two_evaluations_that_instruments_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    text = "evaluations: {a: {target: t, model: m, data: d}, b: {target: t, model: m, data: x/d}}"
    with pytest.raises(ConfigurationError, match=r"evaluations\.b\.dataset_name: 'a' evaluates 'm'"):
        _load(tmp_path, text)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, "evaluations: {a: {}, b: {}}")
    assert "evaluations.a.model" in str(caught.value)
    assert "evaluations.b.data" in str(caught.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read: No such file"):
        load_schedules(tmp_path / "none.yaml")


def test_an_unknown_evaluation_is_answered_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected one of: nightly-faces"):
        _load(tmp_path, _GOOD).config("weekly", out=tmp_path)
