import numpy as np
import pytest

from lifesign.evaluation.audit.findings import (
    AuditReport,
    CheckRow,
    CrossTable,
    Example,
    Finding,
    FindingCode,
    Severity,
    ShiftRow,
    ShortcutRow,
    SplitRow,
    SuspectRow,
)
from lifesign.evaluation.audit.page import render_audit
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.comparison.comparing import compare_sides
from lifesign.evaluation.comparison.page import render_comparison
from lifesign.evaluation.comparison.sides import open_side
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import classifier_report, liveness_spec, reference_of, report_of, write_run


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


@pytest.fixture(scope="session")
def ten_classes():
    return classifier_report(10, 800, slice_columns=("device", "lighting"))


@pytest.fixture(scope="session")
def hundred_classes():
    return classifier_report(100, 3000, slice_columns=("device", "lighting"))


_AUDIT = AuditReport(
    tool_version="0",
    dataset="faces",
    task="liveness",
    samples=200,
    readable=198,
    blocked=True,
    findings=(
        Finding(
            code=FindingCode.EXACT_DUPLICATE,
            severity=Severity.WARNING,
            blocks=False,
            count=3,
            sentence="Three are alike.",
            remedy="Keep one.",
            examples=(Example(samples=("a.png", "b.png"), note="train and test"),),
        ),
    ),
    checks=(CheckRow(name="near duplicates", ran=True), CheckRow(name="labels", ran=False, note="too few")),
    splits=(SplitRow(split="test", label="attack", species="print_laser", samples=100, subjects=9),),
    conversions={"cmyk": 2},
    unreadable={"truncated": 2},
    shortcuts=(ShortcutRow(feature="width", meaning="width", auc=0.99, lower=0.98, upper=1.0),),
    shifts=(
        ShiftRow(
            kind="split",
            feature="blur",
            one="train",
            other="test",
            median_one=1.0,
            median_other=2.0,
            ks=0.6,
            psi=0.4,
            q_value=0.001,
            material=True,
        ),
    ),
    coverage=(
        CrossTable(column="device", values=("a", "b"), labels=("attack",), counts=((100, 0),), cramers_v=0.4),
    ),
    suspects=(
        SuspectRow(sample_id="a", path="a.png", label="attack", suggested="bona_fide", probability=0.9),
    ),
)


def _compared(folder, rows):
    """Write two files of scores and return the page of their comparison."""
    for name, gain in (("a", 1.0), ("b", 0.4)):
        (folder / f"{name}.csv").write_text("\n".join(rows(gain)) + "\n")
    sides = [open_side(folder / f"{name}.csv", {}) for name in "ab"]
    return render_comparison(compare_sides(*sides, margin=0.02))


@pytest.fixture(scope="session")
def comparison_page(tmp_path_factory):
    def rows(gain):
        rng = np.random.default_rng(1)
        yield "sample_id,label,score,subject_id,pai_species,device"
        for index in range(400):
            real = index % 2 == 1
            score = 1 / (1 + np.exp(-gain * (2 if real else -2) - rng.standard_normal()))
            species = "" if real else ("print_laser", "replay_phone_oled")[index // 2 % 2]
            label = "live" if real else "spoof"
            yield f"sample_{index:04d}.png,{label},{score:.6f},u{index % 40},{species},d{index % 3}"

    return _compared(tmp_path_factory.mktemp("compared"), rows)


@pytest.fixture(scope="session")
def comparison_page_of_classes(tmp_path_factory):
    names = [f"class_{index:02d}" for index in range(30)]

    def rows(gain):
        rng = np.random.default_rng(2)
        yield "sample_id,label," + ",".join(f"logit_{name}" for name in names)
        for index in range(1500):
            logits = rng.standard_normal(30) + 3 * gain * (np.arange(30) == index % 30)
            yield f"s{index},{names[index % 30]}," + ",".join(f"{one:.4f}" for one in logits)

    return _compared(tmp_path_factory.mktemp("classes"), rows)


@pytest.fixture(scope="session")
def audit_page():
    return render_audit(_AUDIT)
