import math

import pytest

from lifesign.evaluation.metrics.full_system import full_system_rates
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.evaluation.metrics.pad import Outcome, PadCounts


def _counts(**outcomes):
    return PadCounts(0.5, {name: Outcome(*counts) for name, counts in outcomes.items()})


def test_an_attack_gets_in_only_past_both_and_a_user_is_kept_out_by_either():
    matched = _counts(bona_fide=(90, 5, 1), mask=(6, 30, 0), print=(1, 40, 4))
    unmatched = _counts(bona_fide=(3, 1, 0), mask=(9, 5, 0), print=(2, 3, 0))

    rates = full_system_rates(matched, unmatched)

    assert rates.iapar == {"mask": Rate(6, 50), "print": Rate(1, 50)}
    assert rates.frr == Rate(10, 100)
    assert rates.iapar_max.name == "mask"
    # 1 + (IAPAR - (1 - FRR)), the standard's own form.
    assert rates.riapar == pytest.approx(1 + (0.12 - (1 - 0.1)))


@pytest.mark.parametrize(
    ("matched", "unmatched", "riapar"),
    [
        (_counts(bona_fide=(10, 0, 0), mask=(0, 10, 0)), _counts(), 0.0),
        (_counts(bona_fide=(10, 0, 0), mask=(10, 0, 0)), _counts(), 1.0),
        (_counts(), _counts(bona_fide=(10, 0, 0), mask=(10, 0, 0)), 1.0),
        (_counts(bona_fide=(10, 0, 0)), _counts(), math.nan),
    ],
    ids=["no error", "everybody in", "nobody in", "no attack"],
)
def test_riapar_at_its_ends(matched, unmatched, riapar):
    assert full_system_rates(matched, unmatched).riapar == pytest.approx(riapar, nan_ok=True)
