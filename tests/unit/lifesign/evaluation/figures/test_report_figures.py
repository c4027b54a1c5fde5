"""Figures of reports: what is drawn are the report's numbers, for two, ten and a hundred classes."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.figures.calibration import calibration_figure
from lifesign.evaluation.figures.classes import class_bars, classes_figure
from lifesign.evaluation.figures.confusion import class_order, confusion_figure, row_shares
from lifesign.evaluation.figures.errors import errors_figure
from lifesign.evaluation.figures.kinds import ClassOrder
from lifesign.evaluation.figures.look import png_bytes, svg_bytes
from lifesign.evaluation.figures.roc import CORNER, macro_curve, roc_figure
from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.evaluation.report.document import ConfusionDocument
from lifesign.testing.report_documents import report_of_confusion

SIZES = ["liveness", "ten_classes", "hundred_classes"]


def _figures(document):
    return {
        "confusion": confusion_figure(document.confusion),
        "classes": classes_figure(document.confusion),
        "roc": roc_figure(document),
        "calibration": calibration_figure(document.calibration, is_liveness=document.pad is not None),
        "errors": errors_figure(document.worst_errors, None, wrong=99, is_liveness=False),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_nothing_is_cut_off_and_the_bytes_repeat(name, request, texts_outside):
    document = request.getfixturevalue(name)
    for (kind, first), second in zip(_figures(document).items(), _figures(document).values(), strict=True):
        assert svg_bytes(first) == svg_bytes(second), kind
        assert png_bytes(first, dpi=40) == png_bytes(second, dpi=40), kind
        assert texts_outside(first) == [], kind


def _heat(axes):
    """Return the drawn matrix: the diagonal is one image, the rest another."""
    diagonal, rest = (np.ma.filled(image.get_array(), 0.0) for image in axes.get_images())
    return diagonal + rest


@pytest.mark.parametrize("name", SIZES)
def test_colour_is_the_share_of_the_row_on_a_square_root_scale(name, request):
    confusion = request.getfixturevalue(name).confusion
    places = class_order(confusion, ClassOrder.AUTO)
    counts = np.array(confusion.counts)[np.ix_(places, places)]
    axes = confusion_figure(confusion).axes[0]
    assert _heat(axes) ** 2 == pytest.approx(row_shares(counts))
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        confusion.class_names[place] for place in places
    ]


def test_every_cell_of_ten_classes_tells_its_count_and_share(ten_classes):
    counts = np.array(ten_classes.confusion.counts)
    texts = {
        (round(text.get_position()[1]), round(text.get_position()[0])): text.get_text()
        for text in confusion_figure(ten_classes.confusion).axes[0].texts
    }
    assert {place: int(text.partition("\n")[0]) for place, text in texts.items()} == {
        (row, column): int(counts[row, column]) for row, column in np.argwhere(counts)
    }
    assert texts[0, 0].endswith(f"{100 * counts[0, 0] / counts[0].sum():.1f} %")


def test_names_of_a_hundred_classes_do_not_overlap(hundred_classes):
    figure = confusion_figure(hundred_classes.confusion)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [label.get_window_extent(renderer) for label in figure.axes[0].get_yticklabels()]
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == 100
    assert all(one.y1 <= other.y0 + 1 for one, other in pairwise(boxes))


def test_a_matrix_by_superclass_frames_each_group():
    document = report_of_confusion(np.diag([5, 6, 7]), ("oak", "cat", "elm"))
    groups = {"oak": "trees", "elm": "trees", "cat": "animals"}
    figure = confusion_figure(document.confusion, order=ClassOrder.SUPERCLASS, superclasses=groups)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["cat", "oak", "elm"]
    assert [frame.get_width() for frame in figure.axes[0].patches] == [1, 2]
    with pytest.raises(ConfigurationError, match="got none for elm"):
        class_order(document.confusion, ClassOrder.SUPERCLASS, {"oak": "trees", "cat": "animals"})


@pytest.mark.parametrize("name", SIZES)
def test_bars_are_the_rates_of_the_report(name, request):
    document = request.getfixturevalue(name)
    for bar, row in zip(class_bars(document.confusion), document.classes, strict=True):
        drawn = {"recall": bar.recall, "precision": bar.precision, "f1": bar.f1}
        for metric, measured in drawn.items():
            assert measured.value == pytest.approx(getattr(row, metric))
            assert measured.interval.lower <= measured.value <= measured.interval.upper


def test_drawn_bars_come_worst_first_with_their_intervals(ten_classes):
    figure = classes_figure(ten_classes.confusion)
    recall = figure.axes[0]
    widths = [patch.get_width() for patch in recall.patches]
    bars = sorted(class_bars(ten_classes.confusion), key=lambda bar: bar.recall.value)
    assert widths == pytest.approx([bar.recall.value for bar in bars])
    assert [line.get_xdata().tolist() for line in recall.lines] == [
        [bar.recall.interval.lower, bar.recall.interval.upper] for bar in bars
    ]
    assert len(classes_figure(ten_classes.confusion, limit=4).axes[0].patches) == 4


def test_a_class_never_predicted_and_one_without_samples_have_no_rate(texts_of):
    bars = class_bars(report_of_confusion(np.array([[4, 0, 0], [3, 0, 0], [0, 0, 0]]), "abc").confusion)
    assert np.isnan([bars[1].precision.value, bars[2].recall.value, bars[2].f1.value]).all()
    assert bars[1].recall.value == 0
    assert "n/a" in texts_of(classes_figure(report_of_confusion(np.diag([4, 0]), "ab").confusion))


def test_the_interval_of_f1_covers_95_percent():
    rng = np.random.default_rng(0)
    shares = np.array([0.35, 0.1, 0.15, 0.4])  # right, missed, wrongly called, neither
    truth = 2 * 0.35 / (2 * 0.35 + 0.1 + 0.15)
    held = 0
    for _ in range(400):
        hit, missed, called, neither = rng.multinomial(80, shares).tolist()
        counts = np.array([[hit, missed], [called, neither]])
        interval = class_bars(report_of_confusion(counts, "ab").confusion)[0].f1.interval
        held += interval.lower <= truth <= interval.upper
    assert held / 400 >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 400)


def _lines(axes):
    return {line.get_label(): np.array(line.get_data()).T for line in axes.lines}


@pytest.mark.parametrize("name", SIZES)
def test_roc_curves_are_the_points_of_the_report_whole_and_in_the_corner(name, request):
    document = request.getfixturevalue(name)
    whole, corner = roc_figure(document).axes[:2]
    for curve in document.roc:
        points = [(point.x, point.y) for point in curve.points]
        assert _lines(whole)[curve.name].tolist() == pytest.approx(np.array(points))
        assert curve.name in _lines(corner)
    assert corner.get_xlim()[1] == CORNER
    if document.pad is None:
        assert document.roc_macro.name in _lines(whole)


def test_the_macro_curve_of_an_older_report_is_made_from_its_classes(ten_classes, hundred_classes):
    older = macro_curve(ten_classes.model_copy(update={"roc_macro": None}))
    x, y = np.array([(point.x, point.y) for point in older.points]).T
    assert np.trapezoid(y, x) == pytest.approx(ten_classes.averages["auc_macro"], abs=2e-3)
    assert macro_curve(hundred_classes.model_copy(update={"roc_macro": None})) is None


def test_a_report_without_scores_has_no_roc():
    with pytest.raises(InputError, match="ROC curves"):
        roc_figure(report_of_confusion(np.diag([4, 4]), "ab"))


@pytest.mark.parametrize("name", ["liveness", "ten_classes"])
def test_the_reliability_curve_is_that_of_the_bins(name, request):
    document = request.getfixturevalue(name)
    bins = [one for one in document.calibration.bins if one.count]
    figure = calibration_figure(document.calibration, is_liveness=document.pad is not None)
    curve, sizes = figure.axes
    drawn = np.array(curve.lines[1].get_data())
    assert drawn.tolist() == [[one.mean_score for one in bins], [one.share_positive for one in bins]]
    assert [bar.get_height() for bar in sizes.patches] == [one.count for one in document.calibration.bins]
    segment = np.array(curve.collections[0].get_segments()[0])[:, 1]
    limits = clopper_pearson(round(bins[0].share_positive * bins[0].count), bins[0].count)
    assert segment.tolist() == [limits.lower, limits.upper]
    assert f"{100 * document.calibration.ece:.1f} points" in figure.title


def _png(colour):
    file = io.BytesIO()
    Image.new("RGB", (20, 30), colour).save(file, "PNG")
    return file.getvalue()


def test_the_gallery_shows_the_picture_what_it_is_and_what_it_was_taken_for(liveness):
    errors = [one.model_copy(update={"path": f"{one.sample_id}.png"}) for one in liveness.worst_errors[:3]]
    pictures = {errors[0].path: _png("red"), errors[1].path: b"no picture"}
    figure = errors_figure(errors, pictures.get, wrong=7, is_liveness=True)
    shown = figure.axes[0].get_images()[0].get_array()
    assert shown.shape == (30, 20, 3)
    assert shown[0, 0].tolist() == [255, 0, 0]
    first, second = figure.axes[:2]
    assert first.get_title(loc="center") == errors[0].species or errors[0].label
    assert errors[0].predicted in first.get_xlabel()
    assert f"{errors[0].score:.3f}" in first.get_xlabel()
    assert "no picture" in second.texts[0].get_text()
    assert figure.title.startswith("3 of 7 errors")
    assert "2 of 3 pictures are not at hand" in figure.subtitle


def test_titles_say_the_number_that_matters():
    document = report_of_confusion(np.array([[1436, 234], [14, 1461]]), ("Fake", "Real"))
    assert confusion_figure(document.confusion).title == (
        "92.1 % right: 2,897 of 3,145; most often Fake is taken for Real (234)"
    )
    assert classes_figure(document.confusion).title.startswith("Fake is recognised least: recall 86.0 %")
    perfect = report_of_confusion(np.diag([9, 4]), ("Fake", "Real"))
    assert classes_figure(perfect.confusion).title == (
        "Every class is recognised in all of its samples; 4 of Real prove 39.8 % or more"
    )
    nothing = ConfusionDocument(
        class_names=("a", "b"), counts=((0, 0), (0, 0)), no_response=(1, 0), decision="argmax"
    )
    assert confusion_figure(nothing).title == "No sample was answered"
