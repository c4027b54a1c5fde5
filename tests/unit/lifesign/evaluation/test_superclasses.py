import pytest

from lifesign.errors import ConfigurationError
from lifesign.evaluation.superclasses import read_superclasses


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.json", '{"cat": "animal", "oak": "tree"}'),
        ("s.csv", "class,superclass\ncat,animal\n oak , tree\n\n"),
        ("s.csv", "\ufeffclass,superclass\r\ncat,animal\r\noak,tree\r\n"),
    ],
)
def test_superclasses_are_read(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_superclasses(path) == {"cat": "animal", "oak": "tree"}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("s.json", "[1]", "object of class: superclass"),
        ("s.json", '{"cat": 1}', "object of class: superclass"),
        ("s.json", "{", "expected JSON"),
        ("s.json", "{}", "got none"),
        ("s.csv", "cat,animal\n", "header class,superclass, got 'cat,animal'"),
        ("s.csv", "class,superclass\ncat\n", "row 2, got 'cat'"),
        ("s.csv", "class,superclass\ncat,animal\ncat,tree\n", "'cat', got 'animal' and 'tree'"),
        ("s.csv", "", "header"),
    ],
)
def test_another_form_is_refused(tmp_path, name, text, words):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_superclasses(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        read_superclasses(tmp_path / "none.json")
