"""The drawings of a diagnosis: an axis says where its marks are."""

import re

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.page_figures import curve_figures


def test_marks_lie_at_the_shares_that_they_tell():
    curves = Curves({"accuracy": np.linspace(0.5, 0.98, 9)})
    ((caption, drawing),) = curve_figures(Evidence(id="run", curves=curves), [])
    marks = re.findall(r'y="([\d.]+)"[^>]*>(\d+) %<', drawing)
    heights, shares = [float(y) for y, _ in marks], [int(share) for _, share in marks]
    assert caption == "Accuracy"
    assert shares == [40, 55, 70, 85, 100]
    assert np.diff(heights) == pytest.approx([np.diff(heights)[0]] * 4, abs=0.2)
