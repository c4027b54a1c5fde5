"""The drawings of a diagnosis: an axis says where its marks are."""

import numpy as np

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.page_figures import curve_figures


def test_marks_between_whole_per_cents_are_told_as_they_are():
    curves = Curves({"accuracy": np.linspace(0.5, 0.98, 9)})
    ((caption, drawing),) = curve_figures(Evidence(id="run", curves=curves), [])
    assert caption == "Accuracy"
    assert [mark in drawing for mark in ("62.5 %", "87.5 %", ">62 %", ">88 %")] == [True, True, False, False]
