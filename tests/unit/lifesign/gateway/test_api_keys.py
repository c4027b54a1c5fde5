import hashlib

import pytest

from lifesign.errors import ConfigurationError
from lifesign.gateway.api_keys import ApiKeys

DIGEST = hashlib.sha256(b"key").hexdigest()


def write(tmp_path, text):
    path = tmp_path / "keys"
    path.write_text(text)
    return path


def test_a_key_is_known_by_its_id(tmp_path):
    keys = ApiKeys.read(write(tmp_path, f"# comment\n\n{DIGEST} app-1\n{'a' * 64} app-2\n"))
    assert keys.identify("key") == "app-1"
    assert keys.identify("Key") is None
    assert keys.identify("") is None
    assert keys.identify("\udcff") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no key"),
        ("# only a comment", "has no key"),
        ("key app", "line 1: expected"),
        (f"{DIGEST}", "line 1: expected"),
        (f"{DIGEST} a\n{'b' * 64} a", "line 2: 'a' repeats"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        ApiKeys.read(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        ApiKeys.read(tmp_path / "none")
