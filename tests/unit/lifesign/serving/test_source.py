from pathlib import Path

import structlog

from lifesign.pb.serving_pb2 import ServableVersionPolicy
from lifesign.serving.source import FileSystemSource, WatchedModel, find_versions


def test_only_integer_folders_are_versions(tmp_path):
    for name in ("7", "010", "tmp_2", "v9", "1.5", "99999999999999999999999", "-3", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "8").write_text("a file")

    assert find_versions(tmp_path) == {7: tmp_path / "7", 10: tmp_path / "010", -3: tmp_path / "-3"}


def test_a_missing_base_path_changes_nothing_and_holds_up_no_other_model(tmp_path):
    (tmp_path / "here" / "1").mkdir(parents=True)
    told: dict[str, set[int]] = {}
    source = FileSystemSource(lambda name, versions: told.update({name: set(versions)}), poll_seconds=0)
    policy = ServableVersionPolicy()

    source.watch(
        {name: WatchedModel(Path(tmp_path / name), policy) for name in ("away", "here")},
    )

    assert told == {"here": {1}}


def test_a_base_path_without_versions_is_told_once_not_at_every_poll(tmp_path):
    with structlog.testing.capture_logs() as told:
        source = FileSystemSource(lambda name, versions: None, poll_seconds=0)
        source.watch({"faces": WatchedModel(tmp_path, ServableVersionPolicy())})
        source.poll()

    assert [(one["event"], one["model"]) for one in told] == [("model_base_path_empty", "faces")]
