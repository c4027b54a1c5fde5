import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Tick
from matplotlib.text import Text

from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import classifier_report, liveness_spec, report_of


@pytest.fixture(scope="session")
def liveness():
    table = liveness_predictions(0, subjects=40, attack_logits={"replay_tablet": 0.0})
    return report_of(table, liveness_spec(threshold=0.5))


@pytest.fixture(scope="session")
def ten_classes():
    return classifier_report(10, 800)


@pytest.fixture(scope="session")
def hundred_classes():
    return classifier_report(100, 3000)


# Rounding of glyph boxes, pixels.
_TOLERANCE = 1.5


def _texts_of(figure):
    """Return every text that can be seen."""
    return [one.get_text() for one in _seen(figure)]


def _texts_outside(figure):
    """Return the texts that are cut off at the edge of the sheet."""
    renderer = figure.canvas.get_renderer()
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    found = []
    for one in _seen(figure):
        box = one.get_window_extent(renderer)
        is_within = box.x0 >= -_TOLERANCE and box.x1 <= width + _TOLERANCE
        if not (is_within and box.y0 >= -_TOLERANCE and box.y1 <= height + _TOLERANCE):
            found.append(one.get_text())
    return found


def _seen(figure):
    hidden = {id(text) for axes in figure.findobj(Axes) for text in _not_drawn(axes)}
    return [
        one
        for one in figure.findobj(Text)
        if one.get_visible() and one.get_text().strip() and id(one) not in hidden
    ]


def _not_drawn(axes):
    """Return the texts of axes that matplotlib leaves out: all without a frame, and of ticks out of sight."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        shown = {id(tick) for tick in axis.get_major_ticks() if low - 1e-9 <= tick.get_loc() <= high + 1e-9}
        if not axes.axison:
            yield axis.label
        for tick in axis.findobj(Tick):
            if not axes.axison or id(tick) not in shown:
                yield from (tick.label1, tick.label2)


@pytest.fixture(scope="session")
def texts_of():
    return _texts_of


@pytest.fixture(scope="session")
def texts_outside():
    return _texts_outside
