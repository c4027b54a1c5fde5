import json

import pytest

from lifesign.errors import ConfigurationError
from lifesign.evaluation.profiles.profile import load_profile, profile_names

MINE = {
    "name": "mine",
    "title": "Ours",
    "criteria": [{"metric": "bpcer", "limit": 0.1, "source": "the contract"}],
}


@pytest.mark.parametrize("name", profile_names())
def test_profiles_of_the_package_say_where_every_limit_comes_from(name):
    profile = load_profile(name)
    assert profile.name == name
    assert profile.sources
    for one in profile.criteria:
        assert one.source
    assert "no certification" in profile.about


def test_named_yardsticks_are_there():
    assert {"ibeta-1", "ibeta-2", "ibeta-3", "fido-biometric-1", "nist-800-63a-4"} <= set(profile_names())


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".json", json.dumps(MINE)),
        (".yml", "name: mine\ntitle: Ours\ncriteria:\n- {metric: bpcer, limit: 0.1, source: the contract}\n"),
    ],
)
def test_an_edited_profile_is_read_from_its_file(tmp_path, suffix, text):
    path = tmp_path / f"mine{suffix}"
    path.write_text(text)
    assert load_profile(str(path)).model_dump(exclude_defaults=True) == {
        **MINE,
        "criteria": ({**MINE["criteria"][0], "limit": 0.1},),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"criteria": []}, "criteria"),
        ({"criteria": [{"metric": "bpcer", "limit": 15, "source": "x"}]}, r"share in \[0, 1\].*got 15"),
        ({"criteria": [{"metric": "species", "limit": 5.5, "source": "x"}]}, "whole number.*got 5.5"),
        ({"criteria": [{"metric": "bpcr", "limit": 0.1, "source": "x"}]}, "bpcr"),
        ({"criteria": [{"metric": "bpcer", "limit": 0.1}]}, "source"),
        ({"limit": 3}, "limit"),
    ],
)
def test_a_profile_of_another_form_is_refused_in_one_line(tmp_path, change, words):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**MINE, **change}))
    with pytest.raises(ConfigurationError, match=words) as caught:
        load_profile(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [("ibeta-9", "one of .*ibeta-1.* got 'ibeta-9'"), ("none.json", "No such file"), ("none.yml", "No such")],
)
def test_a_profile_that_is_not_there_is_told(name, words):
    with pytest.raises(ConfigurationError, match=words):
        load_profile(name)


@pytest.mark.parametrize(("suffix", "text"), [(".json", "{"), (".yml", "a: [")])
def test_a_damaged_file_is_told(tmp_path, suffix, text):
    path = tmp_path / f"mine{suffix}"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="expected JSON or YAML"):
        load_profile(str(path))
