from lifesign.evaluation.analysis.generalisation import generalisation_document
from lifesign.model_card import ModelCard, OperatingPoint, RateEvidence
from lifesign.preprocessing import PreprocessingSpec
from lifesign.testing.report_documents import liveness_report

_NO_ERROR = RateEvidence(errors=0, total=40, value=0.0, lower=0.0, upper=0.07)


def _card(*species):
    point = OperatingPoint(
        id="eer", criterion="eer", threshold=0.5, apcer_by_species=dict.fromkeys(species, _NO_ERROR)
    )
    return ModelCard(
        name="liveness",
        version=1,
        task="liveness",
        class_names=("attack", "bona_fide"),
        preprocessing=PreprocessingSpec(height=112, width=112),
        operating_points=(point,),
    )


def _pad():
    return liveness_report(species={"print": (1, 100), "mask": (30, 100), "resin": (10, 100)}).pad


def test_unseen_species_are_told_apart():
    found = generalisation_document(_pad(), _card("print"))
    assert (found.seen, found.unseen) == (("print",), ("mask", "resin"))
    assert (found.seen_apcer.errors, found.unseen_apcer.errors, found.unseen_apcer.total) == (1, 40, 200)
    assert "mask, resin" in found.sentence
    assert "20.0 % (40/200" in found.sentence


def test_nothing_unseen_proves_nothing():
    found = generalisation_document(_pad(), _card("print", "mask", "resin"))
    assert found.unseen == ()
    assert "nothing here says" in found.sentence


def test_a_card_that_names_no_species_cannot_tell():
    assert generalisation_document(_pad(), _card()) is None
    assert generalisation_document(_pad(), None) is None
    assert generalisation_document(None, _card("print")) is None
