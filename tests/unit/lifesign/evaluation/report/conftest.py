import pytest

from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.checks import GateConfig
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec, reference_of, report_of, write_run


@pytest.fixture(scope="session")
def full(tmp_path_factory):
    """A report with every section that a run without a model card has."""
    reference = reference_of(liveness_predictions(5, subjects=40))
    spec = liveness_spec(threshold=0.5, reference=reference)
    run = write_run(tmp_path_factory.mktemp("run"), liveness_predictions(0, subjects=40, score_seed=3), spec)
    table = liveness_predictions(
        0, subjects=40, attack_logits={"replay_tablet": 0.0}, statistic_shift={"noise": 0.01}
    )
    return report_of(table, spec, gates=GateConfig(max_apcer=0.05), baseline=run)


def _classifier(classes, samples):
    names = tuple(f"class_{index:03d}" for index in range(classes))
    table = classification_predictions(0, class_names=names, samples=samples)
    return report_of(table, AnalysisSpec(names, "classification", slice_columns=("device", "lighting")))


@pytest.fixture(scope="session")
def ten_classes():
    return _classifier(10, 800)


@pytest.fixture(scope="session")
def hundred_classes():
    return _classifier(100, 3000)
