import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from lifesign.pb.serving_pb2 import ServableVersionPolicy
from lifesign.serving.version_policy import Load, Phase, Unload, VersionView, next_action, wanted_versions


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", {10}),
        ("latest { num_versions: 0 }", {10}),
        ("latest { num_versions: 2 }", {10, 5}),
        ("latest { num_versions: 9 }", {1, 2, 5, 10}),
        ("all {}", {1, 2, 5, 10}),
        ("specific { versions: [1, 5, 99] }", {1, 5}),
    ],
)
def test_a_policy_wants(policy, expected):
    message = text_format.Parse(policy, ServableVersionPolicy())

    assert wanted_versions(message, [1, 5, 2, 10]) == expected


def _views(*rows: tuple[int, str, bool]) -> list[VersionView]:
    return [VersionView(version, Phase[phase], wanted) for version, phase, wanted in rows]


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        (_views(), None),
        (_views((1, "NEW", True), (2, "NEW", True)), Load(2)),
        (_views((1, "READY", False), (2, "NEW", True)), Load(2)),
        (_views((1, "READY", False), (2, "LOADING", True)), None),
        (_views((1, "READY", False), (2, "FAILED", True)), None),
        (_views((1, "READY", False), (2, "READY", True)), Unload(1)),
        (_views((1, "READY", False), (2, "READY", False), (3, "NEW", True)), Unload(1)),
        (_views((1, "READY", False)), Unload(1)),
        (_views((1, "UNLOADING", False)), None),
    ],
    ids=[
        "nothing",
        "highest first",
        "load before unload",
        "wait while loading",
        "keep the old when the new is broken",
        "swap",
        "one spare is enough",
        "nothing wanted",
        "patience",
    ],
)
def test_the_next_action_is(views, expected):
    assert next_action(views) == expected


@given(
    st.dictionaries(
        st.integers(1, 8), st.tuples(st.sampled_from(["NEW", "READY"]), st.booleans()), min_size=1
    )
)
def test_a_model_that_answers_and_is_wanted_never_stops_answering(versions):
    phases = {number: Phase[phase] for number, (phase, _) in versions.items()}
    wanted = {number for number, (_, is_wanted) in versions.items() if is_wanted}
    answering = any(phase is Phase.READY for phase in phases.values())

    for _ in range(20):
        views = [VersionView(n, phase, n in wanted) for n, phase in phases.items()]
        action = next_action(views)
        if action is None:
            break
        if isinstance(action, Load):
            phases[action.version] = Phase.READY
        else:
            del phases[action.version]
        if answering and wanted:
            assert Phase.READY in phases.values()

    ready = {number for number, phase in phases.items() if phase is Phase.READY}
    assert ready == wanted
