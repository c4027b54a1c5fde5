import json
import re

import numpy as np
import pytest

from lifesign.evaluation.report.document import ReportDocument, TrainingDocument
from lifesign.evaluation.report.html import render_html
from lifesign.evaluation.report.training_curves import (
    EpochMark,
    curve_figure,
    figure_name,
    training_figures,
    training_table,
)
from lifesign.testing.report_documents import report_of_confusion


def _training(epochs=6, *, kept=4, **facts):
    falling = tuple(round(1 / (1 + row), 4) for row in range(epochs))
    figures = {"train_loss": falling, "dev_loss": falling, "dev_accuracy": tuple(1 - one for one in falling)}
    return TrainingDocument(
        **{"figures": figures, "kept_epoch": kept, "selected_by": "dev_loss", "samples": {"dev": 40}, **facts}
    )


def _page(training):
    plain = report_of_confusion(10 * np.eye(3, dtype=np.int64), ("cat", "dog", "owl"))
    return render_html(plain.model_copy(update={"training": training}))


def _labels(drawing):
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing)


def test_both_drawings_mark_the_epoch_kept_and_the_one_named():
    figures = training_figures(_training(named_epoch=2, named_as="turn"))

    assert [caption for caption, _ in figures] == ["Loss", "Accuracy"]
    for _, drawing in figures:
        assert {"kept: 4", "turn: 2"} <= set(_labels(drawing))
        assert drawing.count('class="threshold"') == 2
    assert 'aria-label="Loss over 6 epochs, epoch 4: kept, epoch 2: turn"' in figures[0][1]


def test_an_epoch_marked_twice_has_one_line():
    [(_, drawing), _] = training_figures(_training(named_epoch=4, named_as="turn"))

    assert "kept, turn: 4" in _labels(drawing)
    assert drawing.count('class="threshold"') == 1


def test_one_epoch_and_figures_of_no_number_are_not_drawn():
    assert training_figures(_training(1, kept=1)) == []
    unmeasured = {"train_loss": (0.9, 0.5), "dev_loss": (None, 0.6)}
    [(_, drawing)] = training_figures(_training(2, kept=2, figures=unmeasured))
    assert "nan" not in drawing


@pytest.mark.parametrize(
    ("values", "is_share", "ticks"),
    [
        ((3.26, 0.8), False, ["0", "1", "2", "3", "4"]),
        ((0.031, 0.02), False, ["0", "0.01", "0.02", "0.03", "0.04"]),
        ((0.41, 0.97), True, ["40 %", "55 %", "70 %", "85 %", "100 %"]),
        ((0.99, 1.0), True, ["80 %", "85 %", "90 %", "95 %", "100 %"]),
        ((0.5, 0.5), False, ["0", "0.2", "0.4", "0.6", "0.8"]),
        ((0.0, 0.0), False, ["0", "0.25", "0.5", "0.75", "1"]),
        ((np.nan, np.nan), False, ["0", "0.25", "0.5", "0.75", "1"]),
    ],
)
def test_the_vertical_axis_has_round_steps_that_hold_every_value(values, is_share, ticks):
    drawing = curve_figure("Loss", (1, 2), [("training", np.array(values))], [], is_share=is_share)
    labels = _labels(drawing)
    assert [label for label in labels if label in ticks and label not in ("1", "2")] == [
        tick for tick in ticks if tick not in ("1", "2")
    ]
    assert ticks[-1] in labels


@pytest.mark.parametrize("length", [2, 3, 40, 1000])
def test_every_label_lies_inside_of_the_drawing(length):
    values = np.linspace(1, 0.1, length)
    curves = [("training", values), ("development", values)]
    for epoch in {1, length // 2, length}:
        drawing = curve_figure(
            "Loss", range(1, length + 1), curves, [EpochMark(epoch, "kept")], is_share=False
        )
        for x, y in re.findall(r'<text x="([-\d.]+)" y="([-\d.]+)"', drawing):
            assert 0 <= float(x) <= 440
            assert 0 <= float(y) <= 250


@pytest.mark.parametrize(
    ("epochs", "ticks"),
    [
        ((1, 2), ["1", "2"]),
        (range(10), [*map(str, range(10))]),
        (range(27, 33), ["27", "28", "29", "30", "31", "32"]),
        ((1, 3, 5, 9), [*map(str, range(1, 10))]),
        (range(1, 101), ["1", "20", "40", "60", "80", "100"]),
        (range(13, 100), ["13", "40", "60", "80"]),
    ],
)
def test_the_axis_of_epochs_begins_at_the_first_and_goes_on_in_round_numbers(epochs, ticks):
    drawing = curve_figure(
        "Loss", epochs, [("training", np.linspace(0.9, 0.85, len(epochs)))], [], is_share=False
    )

    assert re.findall(r'text-anchor="middle"[^>]*>(\d+)</text>', drawing) == ticks


def test_the_names_of_curves_that_end_together_are_a_line_of_text_apart():
    values = np.linspace(1, 0.1, 5)
    curves = [("training", values), ("development", values)]
    drawing = curve_figure("Loss", range(1, 6), curves, [], is_share=False)

    heights = [float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>(?:training|development)</text>', drawing)]
    assert np.diff(heights) == pytest.approx([13])


@pytest.mark.parametrize(
    ("epochs", "kept", "rows"), [(1, 1, 1), (6, 4, 6), (60, 7, 60), (61, 7, 33), (1000, 997, 61)]
)
def test_the_table_of_many_epochs_keeps_the_first_the_kept_and_the_last(epochs, kept, rows):
    table = training_table(_training(epochs, kept=kept))
    shown = [epoch for epoch, _ in table.rows]

    assert {1, kept, epochs} <= set(shown)
    assert shown == sorted(set(shown))
    assert (len(table.rows), table.left_out) == (rows, epochs - rows)


def test_numbers_are_those_of_the_epoch_shares_in_percent():
    table = training_table(_training())

    assert table.columns == ("training loss", "development loss", "development accuracy")
    assert table.rows[3] == (4, ("0.25", "0.25", "75.0 %"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dev_eer", "development equal error rate"),
        ("train_mse", "training mean squared error"),
        ("learning_rate", "learning rate"),
        ("dev_new_thing", "development new thing"),
    ],
)
def test_figures_have_names_for_people(name, words):
    assert figure_name(name) == words


def test_the_page_shows_the_course_even_where_nothing_is_wrong():
    page = _page(_training(evaluated_split="test", configuration=("optimizer adam",)))

    assert "shows anything to act on beyond the alerts" in page
    assert "the weights of epoch 4 were kept, the best by development loss" in page
    assert "This evaluation is of the test images of that training." in page
    assert "4 (kept)" in page


def test_a_page_without_a_course_is_as_before():
    assert "The training of this version" not in _page(None)
    assert 'id="diagnosis"' not in _page(None)


def test_the_json_of_a_report_has_it_and_one_without_is_read():
    plain = report_of_confusion(10 * np.eye(3, dtype=np.int64), ("cat", "dog", "owl"))
    document = plain.model_copy(update={"training": _training()})
    stored = json.loads(document.to_json())

    assert ReportDocument.model_validate(stored) == document
    del stored["training"]
    assert ReportDocument.model_validate(stored).training is None
