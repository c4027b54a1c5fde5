"""Feature maps, filters and occlusion as figures, against values worked out by hand."""

import numpy as np
import pytest

from lifesign.client import Prediction, PredictionClient
from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.figures.decision import decision_of
from lifesign.evaluation.figures.filters import chosen_kernel, filters_figure, scaled_filters
from lifesign.evaluation.figures.maps import layer_figure, layers_figure, min_max
from lifesign.evaluation.figures.model_files import Kernel
from lifesign.evaluation.figures.saliency import (
    Patch,
    heat_figure,
    log_odds,
    occluded,
    occlusion_figure,
    occlusion_sensitivity,
)
from lifesign.model_card import OperatingPoint
from lifesign.testing.model_server import FakeModelServer

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def _pictures(figure):
    return [
        image.get_array()
        for axes in figure.findobj()
        if hasattr(axes, "get_images")
        for image in axes.get_images()
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([-1.0, 0.0, 3.0], [0, 0.25, 1]), ([2.0, 2.0], [0, 0]), ([0.0, 1e-30], [0, 1])],
    ids=["signed", "constant", "tiny"],
)
def test_values_are_scaled_from_the_least_to_the_largest(values, expected):
    assert min_max(np.array(values)).tolist() == expected


def test_maps_are_drawn_in_the_order_of_their_channels_beside_the_picture():
    maps = np.random.default_rng(1).standard_normal((6, 7, 5)).astype(np.float32)
    maps[..., 3] = 0
    figure = layer_figure(IMAGE, maps, layer="block1", model="m version 2")
    picture, *drawn = _pictures(figure)
    assert np.array_equal(picture, IMAGE)
    for channel, found in enumerate(drawn):
        assert np.allclose(found, min_max(maps[..., channel]))
    assert len(drawn) == 5
    assert figure.title == "block1: 5 maps of 7 × 6, 1 silent (constant)"


def test_units_of_a_dense_layer_are_one_field():
    units = np.arange(10, dtype=np.float32)
    figure = layer_figure(IMAGE, units, layer="embedding", model="m")
    assert _pictures(figure)[1].reshape(-1)[:10].tolist() == pytest.approx((units / 9).tolist())
    assert figure.title == "embedding: 10 units, 1 of them exactly 0"
    with pytest.raises(InputError, match=r"\(units,\), got \[2, 2\]"):
        layer_figure(IMAGE, np.zeros((2, 2), np.float32), layer="x", model="m")


def test_of_every_layer_the_maps_that_vary_most_come_first():
    maps = np.zeros((4, 4, 12), np.float32)
    maps[0, 0] = np.arange(12)
    figure = layers_figure(IMAGE, {"a": maps, "b": maps[..., :2]}, model="m")
    assert len(_pictures(figure)) == 1 + 8 + 2
    titles = [axes.get_title(loc="left") for axes in figure.findobj() if hasattr(axes, "get_images")]
    assert "a  (4 × 4 × 12)" in titles


@pytest.mark.parametrize("inputs", [1, 3, 12], ids=["grey", "colour", "many"])
def test_each_filter_is_scaled_by_itself(inputs):
    weights = np.random.default_rng(2).standard_normal((3, 3, inputs, 10)).astype(np.float32)
    kernel = Kernel("conv", weights * np.arange(1, 11, dtype=np.float32))
    filters = scaled_filters(kernel)
    assert filters.shape == (10, 3, 3, inputs)
    assert filters.min(axis=(1, 2, 3)).tolist() == [0] * 10
    assert filters.max(axis=(1, 2, 3)).tolist() == [1] * 10
    # Where the weights lie between the two ends does not change.
    expected = (weights - weights.min((0, 1, 2))) / np.ptp(weights, axis=(0, 1, 2))
    assert np.allclose(filters, np.moveaxis(expected, -1, 0), atol=1e-6)
    drawn = _pictures(filters_figure(kernel, model="m"))
    assert len(drawn) == 10 * (8 if inputs == 12 else 1)
    first = filters[0] if inputs == 3 else filters[0][..., 0]
    assert np.allclose(drawn[0], first)


def test_an_unknown_convolution_lists_those_there_are():
    kernels = [Kernel("one_by_one", np.zeros((1, 1, 3, 4))), Kernel("stem", np.zeros((3, 3, 3, 4)))]
    assert chosen_kernel(kernels, None).name == "stem"
    with pytest.raises(ConfigurationError, match="the model has one_by_one, stem"):
        chosen_kernel(kernels, "stam")


KNOWN = Patch(top=16, left=8, side=8)


def _patch_logits(images):
    """Answer by the brightness of one patch alone."""
    area = images[:, KNOWN.top : KNOWN.top + KNOWN.side, KNOWN.left : KNOWN.left + KNOWN.side]
    mean = area.reshape(len(images), -1).mean(axis=1)
    return np.stack([np.full(len(images), 0.0), (mean - 100) / 8], axis=1).astype(np.float32)


def _bright_patch():
    image = np.full((32, 32, 3), 40, np.uint8)
    image[KNOWN.top : KNOWN.top + KNOWN.side, KNOWN.left : KNOWN.left + KNOWN.side] = 250
    return image


def test_occlusion_through_a_server_finds_the_patch_that_the_answer_hangs_on():
    image = _bright_patch()
    with (
        FakeModelServer(_patch_logits) as server,
        PredictionClient(server.target, model="liveness") as client,
    ):
        found = occlusion_sensitivity(image, client.predict, side=8, step=4)
    inside = np.zeros((32, 32), bool)
    inside[KNOWN.top : KNOWN.top + KNOWN.side, KNOWN.left : KNOWN.left + KNOWN.side] = True
    assert found.strongest == KNOWN
    assert (found.target, found.patches) == (1, 49)
    assert found.heat[inside].min() > 0
    # No patch of side 8 that touches it reaches further than this.
    far = np.ones((32, 32), bool)
    far[KNOWN.top - 4 : KNOWN.top + 12, KNOWN.left - 4 : KNOWN.left + 12] = False
    assert found.heat[far].max() == pytest.approx(0, abs=1e-6)
    assert found.heat[inside].mean() > 5 * found.heat[~inside].mean()
    assert found.before > 0.99 > 0.01 > found.after


def test_every_pixel_is_hidden_by_some_patch_at_odd_sizes():
    def predict(images):
        return Prediction(np.tile(np.float32([0.4, 0.6]), (len(images), 1)), None, 1)

    found = occlusion_sensitivity(IMAGE, predict, side=5, step=3)
    assert np.isfinite(found.heat).all()
    assert np.abs(found.heat).max() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 40}, "1 to 24 pixels, got 40"),
        ({"side": 0}, "1 to 24 pixels, got 0"),
        ({"side": 4, "step": 5}, "1 to 4 pixels"),
        ({"side": 4, "step": 0}, "1 to 4 pixels, so that no pixel is left out, got 0"),
        ({"target": 2}, "0 to 1, got 2"),
    ],
)
def test_patches_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        occlusion_sensitivity(
            IMAGE, lambda images: Prediction(np.full((len(images), 2), 0.5, np.float32), None, 1), **options
        )


@pytest.mark.parametrize(
    ("names", "threshold", "expected"),
    [
        (("attack", "bona_fide"), 0.415, 1),
        (("attack", "bona_fide"), 0.416, 0),
        (("bona_fide", "attack"), 0.59, 1),
        (("attack", "bona_fide"), None, 0),
        (("cat", "dog"), 0.4, 0),
        ((), 0.4, 0),
    ],
    ids=["at the threshold", "below it", "bona fide first", "no card", "a classifier", "no names"],
)
def test_the_class_explained_is_the_one_decided(names, threshold, expected):
    point = None if threshold is None else OperatingPoint(id="eer", criterion="eer", threshold=threshold)
    found = occlusion_sensitivity(
        IMAGE,
        lambda images: Prediction(np.tile([0.585, 0.415], (len(images), 1)), None, 1),
        decide=decision_of(names, point),
    )
    assert found.target == expected


def test_log_odds_of_logits_do_not_saturate():
    logits = np.float32([[40, 0, 1], [30, 0, 1]])
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = log_odds(Prediction(scores, logits, 1), 0)
    assert found[0] - found[1] == pytest.approx(10)
    # Without logits scores of exactly 1 are all the same.
    assert np.ptp(log_odds(Prediction(scores, None, 1), 0)) == 0
    plain = log_odds(Prediction(np.float32([[0.25, 0.75]]), None, 1), 1)
    assert plain.tolist() == pytest.approx([np.log(3)])


def test_a_hidden_patch_has_the_mean_colour():
    (copy,) = occluded(IMAGE, [Patch(20, 0, 8)])
    assert (copy[20:, :8] == IMAGE.reshape(-1, 3).mean(axis=0).round()).all()
    assert np.array_equal(copy[:20], IMAGE[:20])


def test_heat_lies_over_the_picture_and_the_title_says_the_change(texts_outside):
    found = occlusion_sensitivity(
        _bright_patch(), lambda images: _answer(_patch_logits(images)), side=8, step=4
    )
    figure = occlusion_figure(_bright_patch(), found, class_names=("no", "yes"), model="m version 1")
    assert "takes the score of yes from" in figure.title
    corners = [(mark.get_x(), mark.get_y()) for axes in figure.axes[:2] for mark in axes.patches]
    assert corners == [(KNOWN.left - 0.5, KNOWN.top - 0.5)] * 2
    assert np.array_equal(figure.axes[1].get_images()[1].get_array(), found.heat)
    assert texts_outside(figure) == []
    heat = np.zeros((32, 32))
    heat[:8, :8] = 1
    quarter = heat_figure(_bright_patch(), heat, name="yes", score=0.5, layer="conv", model="m")
    assert "half of the weight lies on 3 % of the picture" in quarter.title


def _answer(logits):
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Prediction(scores.astype(np.float32), logits, 1)
