import pytest
from pydantic import ValidationError

from lifesign.evaluation.analysis.rates import rate_row
from lifesign.evaluation.checks import (
    GateConfig,
    GateEvidence,
    apply_gates,
    exit_code,
    verdict,
    verdict_sentence,
)
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.report.document import (
    Accounting,
    BaselineComparison,
    GateResult,
    GateStatus,
    GroupGapRow,
    GroupGapTable,
    MetricChange,
    Value,
)
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import liveness_spec, report_of

_NOTHING = GateConfig(max_no_response=None, min_auc=None, regression_margin=None)


def _evidence(*, no_response=0, auc=None, errors=(0, 100), changes=None, gaps=()):
    baseline = None
    if changes is not None:
        baseline = BaselineComparison(
            run_id="b",
            model_version="1",
            common_samples=500,
            changes=changes,
            regressions=0,
            improvements=0,
            flipped=(),
        )
    return GateEvidence(
        accuracy_errors=rate_row(Rate(*errors)),
        auc=auc,
        accounting=Accounting(
            total=200, scored=200 - no_response, no_response=no_response, reasons={}, conversions={}
        ),
        pad=None,
        group_gaps=gaps,
        drift=(),
        baseline=baseline,
    )


def _change(difference, lower, upper, metric="BPCER"):
    return MetricChange(
        metric=metric,
        baseline=0.1,
        current=0.1 + difference,
        difference=difference,
        lower=lower,
        upper=upper,
        p_value=0.001,
        verdict="same",
    )


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        pytest.param((2, 1000), GateStatus.PASS, id="whole interval below"),
        pytest.param((100, 1000), GateStatus.FAIL, id="whole interval above"),
        pytest.param((4, 100), GateStatus.INSUFFICIENT, id="straddles from below"),
        pytest.param((7, 100), GateStatus.INSUFFICIENT, id="straddles from above"),
        pytest.param((0, 58), GateStatus.INSUFFICIENT, id="no error but too few: at most 5.03 %"),
        pytest.param((0, 59), GateStatus.PASS, id="rule of three: at most 4.95 %"),
        pytest.param((0, 0), GateStatus.INSUFFICIENT, id="no samples"),
    ],
)
def test_accuracy_gate_needs_the_whole_interval_on_one_side(errors, status):
    (gate,) = apply_gates(_NOTHING.model_copy(update={"min_accuracy": 0.95}), _evidence(errors=errors))
    assert gate.status is status


@pytest.mark.parametrize(("missing", "status"), [(2, GateStatus.PASS), (3, GateStatus.FAIL)])
def test_no_response_gate_counts_this_set_and_needs_no_interval(missing, status):
    (gate,) = apply_gates(
        _NOTHING.model_copy(update={"max_no_response": 0.01}), _evidence(no_response=missing)
    )
    assert (gate.status, gate.lower) == (status, None)


@pytest.mark.parametrize(
    ("lower", "upper", "status"),
    [(0.6, 0.8, GateStatus.PASS), (0.45, 0.7, GateStatus.INSUFFICIENT), (0.1, 0.3, GateStatus.FAIL)],
)
def test_auc_gate_refuses_inverted_scores(lower, upper, status):
    auc = Value(value=(lower + upper) / 2, lower=lower, upper=upper)
    (gate,) = apply_gates(_NOTHING.model_copy(update={"min_auc": 0.5}), _evidence(auc=auc))
    assert gate.status is status


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(_change(0.0, -0.01, 0.01), GateStatus.PASS, id="proven not worse"),
        pytest.param(_change(0.10, 0.05, 0.15), GateStatus.FAIL, id="proven worse"),
        pytest.param(_change(0.01, -0.02, 0.04), GateStatus.INSUFFICIENT, id="cannot tell"),
        pytest.param(_change(-0.10, -0.15, -0.05), GateStatus.PASS, id="better"),
        pytest.param(_change(0.10, 0.0197, 0.186), GateStatus.INSUFFICIENT, id="worse, by less perhaps"),
    ],
)
def test_regression_gate_judges_by_the_limits_of_the_change(change, status):
    config = _NOTHING.model_copy(update={"regression_margin": 0.02})
    (gate,) = apply_gates(config, _evidence(changes=(change,)))
    assert gate.status is status


def test_a_small_species_can_fail_the_regression_gate_but_not_hold_it_up():
    config = _NOTHING.model_copy(update={"regression_margin": 0.02})
    fine = _change(0.0, -0.01, 0.01)
    unclear = _change(0.0, -0.05, 0.05, "APCER of mask_rigid_3d")
    broken = _change(0.3, 0.1, 0.5, "APCER of mask_rigid_3d")
    assert apply_gates(config, _evidence(changes=(fine, unclear)))[0].status is GateStatus.PASS
    assert apply_gates(config, _evidence(changes=(fine, broken)))[0].status is GateStatus.FAIL


def _group(name, difference, lower, upper, verdict="ok", total=3000):
    rate = rate_row(Rate(total // 10, total))
    return GroupGapRow(
        group=name,
        rate=rate,
        rest=rate,
        difference=difference,
        lower=lower,
        upper=upper,
        p_value=0.5,
        q_value=0.5,
        verdict=verdict,
    )


_FINE = _group("fine", 0.0, -0.01, 0.01)


@pytest.mark.parametrize(
    ("rows", "status", "decider"),
    [
        pytest.param(
            [_FINE, _group("small", 0.2, 0.034, 0.57, "insufficient", 9)],
            GateStatus.INSUFFICIENT,
            "small",
            id="a group of a few straddles the limit",
        ),
        pytest.param(
            [_FINE, _group("under", 0.09, -0.02, 0.045, "insufficient")],
            GateStatus.PASS,
            "under",
            id="unproven for the table's own margin, proven for this limit",
        ),
        pytest.param(
            [_FINE, _group("wide", 0.01, -0.1, 0.3), _group("high", 0.1, -0.01, 0.2)],
            GateStatus.INSUFFICIENT,
            "wide",
            id="the one that may be worst is told",
        ),
        pytest.param(
            [_group("wide", 0.3, -0.1, 0.7), _group("bad", 0.2, 0.1, 0.3, "alert")],
            GateStatus.FAIL,
            "bad",
            id="the one that failed is told, not the largest gap",
        ),
        pytest.param([_group("only", None, None, None)], GateStatus.INSUFFICIENT, "No two", id="no rest"),
        pytest.param(
            [_FINE, _group("open", 0.01, -0.01, None)], GateStatus.INSUFFICIENT, "open", id="no upper limit"
        ),
    ],
)
def test_group_gap_gate_judges_every_group_by_its_interval_against_its_own_limit(rows, status, decider):
    table = GroupGapTable(
        attribute="device", metric="BPCER", margin=0.2, alpha=0.01, groups=tuple(rows), sentence=""
    )
    (gate,) = apply_gates(_NOTHING.model_copy(update={"max_group_gap": 0.05}), _evidence(gaps=(table,)))
    row = next((one for one in rows if one.group == decider), None)
    assert gate.status is status
    assert decider in gate.sentence
    assert row is None or (gate.value, gate.lower) == (row.difference, row.lower)
    assert row is None or gate.upper == (1.0 if row.upper is None else row.upper)


def test_apcer_gate_names_the_species_with_counts_and_interval():
    table = liveness_predictions(0, subjects=150, attack_logits={"replay_phone_oled": -1.0})
    gates = _NOTHING.model_copy(update={"max_apcer": 0.05})
    report = report_of(table, liveness_spec(threshold=0.5), gates=gates)
    worst = next(row for row in report.pad.species if row.species == "replay_phone_oled")
    sentence = report.gates[0].sentence
    assert report.verdict is GateStatus.FAIL
    assert f"APCER of replay_phone_oled is {100 * worst.apcer.value:.1f} %" in sentence
    assert f"({worst.apcer.errors}/150, 95 % CI" in sentence
    assert sentence.endswith("more than the 5 % allowed.")


def test_one_unproven_species_makes_the_apcer_gate_insufficient():
    table = liveness_predictions(0, subjects=30, attack_logits={"mask_rigid_3d": -3.0})
    gates = _NOTHING.model_copy(update={"max_apcer": 0.05})
    assert report_of(table, liveness_spec(threshold=0.99), gates=gates).verdict is GateStatus.INSUFFICIENT


def _gate(status):
    return GateResult(
        name="g", status=status, limit=0, value=0, lower=None, upper=None, sentence=f"Is {status}."
    )


@pytest.mark.parametrize(
    ("statuses", "worst", "code"),
    [
        ((GateStatus.PASS, GateStatus.PASS), GateStatus.PASS, 0),
        ((GateStatus.PASS, GateStatus.INSUFFICIENT), GateStatus.INSUFFICIENT, 2),
        ((GateStatus.INSUFFICIENT, GateStatus.FAIL, GateStatus.PASS), GateStatus.FAIL, 1),
        ((), GateStatus.INSUFFICIENT, 2),
    ],
)
def test_verdict_is_the_worst_gate_and_decides_the_exit_code(statuses, worst, code):
    found = verdict(_gate(status) for status in statuses)
    assert (found, exit_code(found)) == (worst, code)


def test_verdict_sentence_tells_the_gate_that_did_not_pass():
    gates = [_gate(GateStatus.PASS), _gate(GateStatus.FAIL), _gate(GateStatus.FAIL)]
    assert verdict_sentence(gates, 2) == "Is fail. (1 more gate likewise) 2 alerts to read below."
    assert verdict_sentence(gates[:1], 0) == "The only gate passed."


def test_default_gates_mean_something():
    names = [gate.name for gate in report_of(liveness_predictions(0), liveness_spec()).gates]
    assert names == ["max_no_response", "min_auc"]


@pytest.mark.parametrize("wrong", [{"max_apcer": 5}, {"max_bpcer": -0.1}, {"max_acer": 0.1}])
def test_wrong_limits_are_refused(wrong):
    with pytest.raises(ValidationError):
        GateConfig(**wrong)
