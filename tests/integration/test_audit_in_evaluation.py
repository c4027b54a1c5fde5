"""What the audit found reaches the report of an evaluation, with and without the model at hand."""

import hashlib
import json
from pathlib import Path

from lifesign.evaluation.audit.trained_on import TRAINED_ON_FILE, TrainedOn
from lifesign.evaluation.config import evaluation_config
from lifesign.evaluation.reporting import rewrite_report
from lifesign.evaluation.service import evaluate
from lifesign.signature import CARD_FILE
from lifesign.testing.audited_dataset import AuditedDataset, write_audited_dataset
from lifesign.testing.model_cards import liveness_card
from lifesign.testing.model_server import FakeModelServer


def _model(base: Path, data: AuditedDataset, rows: list[dict[str, str]]) -> None:
    folder = base / "liveness" / "1"
    (folder / CARD_FILE).parent.mkdir(parents=True)
    (folder / CARD_FILE).write_text(liveness_card().model_dump_json())
    digests = [hashlib.sha256((data.root / row["path"]).read_bytes()).hexdigest() for row in rows]
    (folder / TRAINED_ON_FILE).write_text(TrainedOn.of(digests, [], qualified=False).to_json())


def test_images_that_were_trained_on_are_told_in_report_page_and_its_rewriting(tmp_path: Path) -> None:
    data = write_audited_dataset(tmp_path / "faces")
    _model(tmp_path / "models", data, data.of("train") + data.of("test")[:5])
    out = tmp_path / "run"

    with FakeModelServer() as server:
        config = evaluation_config(
            target=server.target,
            model="liveness",
            version=1,
            data=data.save(),
            out=out,
            split="test",
            model_base_path=tmp_path / "models",
        )
        document = evaluate(config).document
    again = rewrite_report(out, tmp_path / "again", changes={"threshold": 0.4}, gates={})

    found = {str(one.code): one.count for one in document.data_findings}
    assert found["training_images_in_test"] == 5
    assert again.data_findings == document.data_findings
    assert [one.kind for one in document.alerts] == ["seen_images"]
    stored = json.loads((out / "report.json").read_text())
    assert stored["data_findings"][0]["code"] == "training_images_in_test"
    for page in (out / "report.html", tmp_path / "again" / "report.html"):
        assert "Training images in test" in page.read_text()
