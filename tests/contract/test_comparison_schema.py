"""The schema of a comparison is published, and what ``lifesign compare`` writes follows it."""

import json
from importlib.resources import files

import jsonschema
import pytest
from typer.testing import CliRunner

from lifesign.cli import app
from lifesign.evaluation.comparison.document import ComparisonDocument, comparison_schema


def _published():
    return json.loads((files("lifesign.evaluation.comparison") / "comparison.schema.json").read_text("utf-8"))


def _liveness(gain):
    yield "sample_id,label,score,subject_id,pai_species"
    for index in range(80):
        real = index % 2 == 1
        score = 0.5 + gain * (0.4 if real else -0.4) + 0.1 * (index % 7 - 3)
        species = "" if real else ("print", "replay")[index // 2 % 2]
        label = "live" if real else "spoof"
        yield f"s{index},{label},{min(max(score, 0.01), 0.99):.3f},u{index % 20},{species}"


def _classes(gain):
    yield "sample_id,label,score_cat,score_dog,score_owl"
    for index in range(60):
        scores = [1.0, 1.0, 1.0]
        scores[(index + (index % 5 == 0)) % 3] += gain
        total = sum(scores)
        yield f"s{index},{('cat', 'dog', 'owl')[index % 3]}," + ",".join(
            f"{one / total:.6f}" for one in scores
        )


def test_the_published_schema_is_that_of_the_code():
    jsonschema.Draft202012Validator.check_schema(_published())
    assert _published() == comparison_schema(), "run make schema"


@pytest.mark.parametrize("rows", [_liveness, _classes], ids=["liveness", "classes"])
def test_a_comparison_follows_the_published_schema(tmp_path, rows):
    for name, gain in (("a", 1.0), ("b", 0.5)):
        (tmp_path / f"{name}.csv").write_text("\n".join(rows(gain)) + "\n")
    out = tmp_path / "change"
    CliRunner().invoke(app, ["compare", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--out", str(out)])
    written = (out / "comparison.json").read_text("utf-8")
    jsonschema.Draft202012Validator(_published()).validate(json.loads(written))
    assert ComparisonDocument.model_validate_json(written).to_json() == written
