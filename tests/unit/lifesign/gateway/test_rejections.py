import pytest

from lifesign import errors
from lifesign.errors import ImageError, ImageProblem, LifesignError, UpstreamError
from lifesign.gateway import rejections
from lifesign.gateway.rejections import PROBLEMS, REJECTION_REASONS, rejection_reason
from lifesign.problems import find_kind


def own_errors():
    return [
        value
        for value in vars(rejections).values()
        if isinstance(value, type)
        and issubclass(value, LifesignError)
        and value.__module__ == rejections.__name__
    ]


@pytest.mark.parametrize("error_class", own_errors())
def test_every_rejection_has_a_kind_and_a_label(error_class):
    error = error_class("why")
    kind = find_kind(error, PROBLEMS)
    assert kind is not None
    assert 400 <= kind.status < 500
    assert rejection_reason(error) in REJECTION_REASONS


@pytest.mark.parametrize("problem", ImageProblem)
def test_every_image_problem_is_a_4xx(problem):
    error = ImageError(problem, "why")
    kind = find_kind(error, PROBLEMS)
    assert kind is not None
    assert 400 <= kind.status < 500
    assert rejection_reason(error) in REJECTION_REASONS


@pytest.mark.parametrize(
    "error_class", [errors.NotReadyError, errors.DeadlineError, UpstreamError, errors.ContractError]
)
def test_failures_behind_us_are_5xx_and_not_the_caller_s(error_class):
    error = error_class("why")
    kind = find_kind(error, PROBLEMS)
    assert kind is not None
    assert kind.status >= 500
    assert rejection_reason(error) is None
