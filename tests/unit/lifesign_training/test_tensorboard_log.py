from pathlib import Path

from lifesign.evaluation.diagnosis.inputs.event_files import read_event_files
from lifesign_training.history import EpochRecord
from lifesign_training.tensorboard_log import TensorBoardLog


def test_epochs_are_read_back_as_keras_writes_them(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path)
    for epoch in (1, 2):
        record = EpochRecord(epoch, 1 / epoch, 0.5, 2 / epoch, 0.25 * epoch, None, 0.01, 1.0, 0.2, 0.3)
        log.on_epoch(record, 2)

    curves = read_event_files(tmp_path)

    assert curves.epochs == (1, 2)
    assert curves.series["loss"].tolist() == [1.0, 0.5]
    assert curves.series["val_loss"].tolist() == [2.0, 1.0]
    assert curves.series["val_accuracy"].tolist() == [0.25, 0.5]
    assert not any("auc" in name for name in curves.series)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "validation"]
