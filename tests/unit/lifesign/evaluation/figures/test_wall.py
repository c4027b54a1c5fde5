import io
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lifesign.evaluation.figures.look import new_figure
from lifesign.evaluation.figures.wall import placed, wall_png, wall_svg

SIDES = st.floats(1, 20)


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=12))
def test_no_figure_lies_over_another_and_none_is_much_enlarged(sizes):
    spots = placed(sizes)
    boxes = [
        (spot.x, spot.y, spot.x + spot.scale * width, spot.y + spot.scale * height)
        for spot, (width, height) in zip(spots, sizes, strict=True)
    ]
    for index, one in enumerate(boxes):
        assert one[0] > 0
        assert one[1] > 0
        for other in boxes[:index]:
            apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
            assert apart
    lowest = {round(spot.y, 6): [] for spot in spots}
    for spot in spots:
        lowest[round(spot.y, 6)].append(spot.scale)
    assert all(min(scales) <= 1.35 + 1e-9 for scales in lowest.values())


def _figures():
    figures = [new_figure(4, 3, title=f"figure {index}") for index in range(3)]
    for index, figure in enumerate(figures):
        figure.subplots().plot([0, 1], [index, index + 1])
    return figures


def test_the_sheet_holds_every_figure():
    figures = _figures()
    spots = placed([tuple(figure.get_size_inches()) for figure in figures])
    with Image.open(io.BytesIO(wall_png(figures, dpi=50))) as sheet:
        for spot in spots:
            part = sheet.crop(tuple(round(50 * side) for side in (spot.x, spot.y, spot.x + 2, spot.y + 0.5)))
            assert len(part.getcolors(1 << 16)) > 2, "no title there"


def test_ids_of_the_drawings_are_told_apart():
    text = wall_svg(_figures()).decode()
    root = ElementTree.fromstring(text)
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
    assert used
    assert used <= set(ids)
    assert [node.tag.rpartition("}")[2] for node in root].count("svg") == 3
    assert wall_svg(_figures()).decode() == text


def test_an_empty_wall_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError):
        wall_png([])
