"""Whole evaluations through real gRPC: the same report whatever interrupts them, and clear words if none."""

import json
import threading
from pathlib import Path

import pytest

from lifesign.errors import (
    ConfigurationError,
    ConflictError,
    ContractError,
    DatasetError,
    NotReadyError,
    StorageError,
)
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.replay.predictions import part_path, read_predictions, state_path
from lifesign.evaluation.replay.progress import SilentProgress
from lifesign.evaluation.reporting import rewrite_report
from lifesign.evaluation.service import evaluate
from lifesign.testing.brightness_dataset import write_brightness_manifest
from lifesign.testing.clock import FakeClock
from lifesign.testing.evaluations import small_evaluation
from lifesign.testing.model_cards import liveness_card
from lifesign.testing.model_server import Failure, FakeModelServer

SAMPLES = 90


class _InterruptedError(Exception):
    pass


class _StopAfter(SilentProgress):
    """Leaves the evaluation once ``samples`` are accounted for, from within a worker thread."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def on_batch(self, done, scored, no_response, correct):
        if done >= self.samples:
            raise _InterruptedError


class _Recorder(SilentProgress):
    def __init__(self) -> None:
        self.starts: list[tuple[int, int]] = []
        self.batches: list[tuple[int, int, int, int]] = []
        self.waits: list[str] = []

    def on_start(self, total, done):
        self.starts.append((total, done))

    def on_batch(self, done, scored, no_response, correct):
        self.batches.append((done, scored, no_response, correct))

    def on_wait(self, message):
        self.waits.append(message)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("faces")
    manifest = write_brightness_manifest(root, samples=SAMPLES)
    (root / "images" / "attack" / "00010.png").write_bytes(b"not an image")
    return manifest


def _config(manifest: Path, out: Path, server: FakeModelServer, **options) -> EvaluationConfig:
    return small_evaluation(
        manifest, out, server.target, **{"shard_size": 20, "timeout_seconds": 10, **options}
    )


def _report(run: Path) -> bytes:
    return (run / "report.json").read_bytes()


@pytest.fixture(scope="module")
def whole_run(manifest, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    with FakeModelServer() as server:
        evaluate(_config(manifest, out, server))
    return out


def test_every_sample_is_accounted_for(manifest, tmp_path):
    recorder = _Recorder()
    with FakeModelServer() as server:
        result = evaluate(_config(manifest, tmp_path / "run", server), progress=recorder)
    accounting = result.document.accounting
    assert (accounting.total, accounting.scored, accounting.no_response) == (SAMPLES, SAMPLES - 1, 1)
    assert accounting.reasons == {"not_an_image": 1}
    assert server.images == SAMPLES - 1
    assert recorder.starts == [(SAMPLES, 0)]
    done, scored, no_response, correct = recorder.batches[-1]
    assert (done, scored, no_response) == (SAMPLES, SAMPLES - 1, 1)
    assert correct / scored == pytest.approx(result.document.accuracy.value)


def test_the_report_is_json_without_clock_host_or_folder(whole_run, manifest):
    text = _report(whole_run).decode()
    assert json.loads(text)["subject"]["class_map"] == {"attack": "attack", "bona_fide": "bona_fide"}
    for secret in (str(manifest.parent), str(whole_run), "127.0.0.1", "localhost"):
        assert secret not in text
    page = (whole_run / "report.html").read_text()
    assert page.startswith("<!doctype html>") or page.lower().startswith("<!doctype html>")


@pytest.mark.parametrize("samples", [1, 25, 60, 88])
def test_interrupted_and_resumed_ends_with_the_same_bytes(manifest, whole_run, tmp_path, samples):
    out = tmp_path / "run"
    with FakeModelServer() as server:
        config = _config(manifest, out, server)
        with pytest.raises(_InterruptedError):
            evaluate(config, progress=_StopAfter(samples))
        assert not (out / "report.json").exists()
        recorder = _Recorder()
        evaluate(config, progress=recorder, resume=True)
    assert _report(out) == _report(whole_run)
    total, kept = recorder.starts[0]
    assert total == SAMPLES
    assert recorder.batches[-1][0] == SAMPLES
    assert recorder.batches[-1][1] + recorder.batches[-1][2] == SAMPLES - kept


def test_another_number_of_threads_changes_no_byte(manifest, whole_run, tmp_path):
    with FakeModelServer() as server:
        evaluate(_config(manifest, tmp_path / "run", server, decode_threads=5, batches_in_flight=1))
    assert _report(tmp_path / "run") == _report(whole_run)


@pytest.mark.parametrize("harm", ["cut part", "no part", "cut state", "no state", "leftover"])
def test_damaged_parts_are_done_again(manifest, whole_run, tmp_path, harm):
    out = tmp_path / "run"
    with FakeModelServer() as server:
        config = _config(manifest, out, server)
        evaluate(config)
        before = server.images
        part, state = part_path(out, 2), state_path(out, 2)
        if harm == "cut part":
            part.write_bytes(part.read_bytes()[:-10])
        elif harm == "no part":
            part.unlink()
        elif harm == "cut state":
            state.write_bytes(state.read_bytes()[:-10])
        elif harm == "no state":
            state.unlink()
        else:
            (out / "parts" / ".part-00002.parquet.1.tmp").write_bytes(b"half")
        (out / "report.json").unlink()
        evaluate(config, resume=True)
        again = server.images - before
    assert _report(out) == _report(whole_run)
    assert (again > 0) == (harm in ("cut part", "no part"))
    assert not list(out.rglob("*.tmp"))


def test_server_killed_and_restarted_midway_counts_nothing_twice(manifest, whole_run, tmp_path):
    out = tmp_path / "run"
    server = FakeModelServer()
    server.start()

    class Killer(_Recorder):
        def on_batch(self, done, scored, no_response, correct):
            super().on_batch(done, scored, no_response, correct)
            if done >= 30 and not self.waits and server.is_running:
                server.stop()
                threading.Timer(0.4, server.start).start()

    killer = Killer()
    evaluate(_config(manifest, out, server), progress=killer)
    server.stop()
    assert _report(out) == _report(whole_run)
    assert any("waiting for the model server" in message for message in killer.waits)
    assert sum(table.num_rows for table in read_predictions(out)) == SAMPLES


def test_a_server_that_stays_away_ends_the_run_which_can_be_resumed(manifest, whole_run, tmp_path):
    out = tmp_path / "run"
    steps = [None] * 5 + [Failure("UNAVAILABLE", "gone")] * 10_000
    with FakeModelServer(script=steps) as server, pytest.raises(NotReadyError, match=r"gave up .* gone"):
        evaluate(_config(manifest, out, server), clock=FakeClock())
    with FakeModelServer() as server:
        evaluate(_config(manifest, out, server), resume=True)
    assert _report(out) == _report(whole_run)


def test_poisoned_image_costs_only_itself(manifest, tmp_path):
    seen: list[bytes] = []

    def poison(images):
        marked = [image.tobytes() for image in images if image[0, 0, 0] == seen_value]
        seen.extend(marked)
        return Failure("INVALID_ARGUMENT", "poisoned") if marked else None

    seen_value = 97
    with FakeModelServer(inspect=poison) as server:
        result = evaluate(_config(manifest, tmp_path / "run", server))
    poisoned = len(set(seen))
    assert poisoned > 0
    assert result.document.accounting.reasons == {"INVALID_ARGUMENT": poisoned, "not_an_image": 1}


def test_a_folder_with_a_run_is_not_overwritten(manifest, tmp_path):
    out = tmp_path / "run"
    with FakeModelServer() as server:
        config = _config(manifest, out, server)
        evaluate(config)
        with pytest.raises(ConflictError, match=r"already holds run .* --resume"):
            evaluate(config)


def test_a_folder_with_other_things_is_refused_even_to_resume(manifest, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with (
        FakeModelServer() as server,
        pytest.raises(ConflictError, match=r"new or empty folder, got thesis\.tex"),
    ):
        evaluate(_config(manifest, tmp_path, server), resume=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 0.25}, r"threshold was not given and is now 0\.25"),
        ({"limit": 50}, "data_digest was .* limit was not given and is now 50"),
        ({"gates": {"max_apcer": 0.1}}, r"gates\.max_apcer was not given and is now 0\.1;"),
        ({"split": None}, r'split was "test" and is now all'),
        ({"version": 7}, "run of version 1 .* version 7"),
        ({"batch_size": 4}, r"run with 8 images per request \(--batch-size\) .* with 4;"),
        ({"batch_size": None}, r"run with 8 images per request \(--batch-size\) .* with 32;"),
    ],
)
def test_resuming_something_else_says_what_differs(manifest, tmp_path, change, message):
    out = tmp_path / "run"
    with FakeModelServer(versions=(1, 7)) as server:
        with pytest.raises(_InterruptedError):
            evaluate(_config(manifest, out, server, version=1), progress=_StopAfter(40))
        with pytest.raises(ConflictError, match=message):
            evaluate(_config(manifest, out, server, **{"version": 1, **change}), resume=True)


@pytest.mark.parametrize(("first", "then"), [(None, 32), (32, None)], ids=["default, 32", "32, default"])
def test_a_resume_may_spell_out_the_default_batch_size(manifest, tmp_path, first, then):
    out = tmp_path / "run"
    with FakeModelServer() as server:
        whole = evaluate(_config(manifest, tmp_path / "whole", server, batch_size=first))
        with pytest.raises(_InterruptedError):
            evaluate(_config(manifest, out, server, batch_size=first), progress=_StopAfter(40))
        resumed = evaluate(_config(manifest, out, server, batch_size=then), resume=True)
    assert _report(resumed.run_dir) == _report(whole.run_dir)


def test_changed_data_are_noticed_on_resume(tmp_path):
    manifest = write_brightness_manifest(tmp_path / "set", samples=40)
    with FakeModelServer() as server:
        config = _config(manifest, tmp_path / "run", server)
        with pytest.raises(_InterruptedError):
            evaluate(config, progress=_StopAfter(30))
        image = tmp_path / "set" / "images" / "attack" / "00000.png"
        image.write_bytes(image.read_bytes() + b"\0")
        with pytest.raises(ConflictError, match="data_digest was"):
            evaluate(config, resume=True)


def test_two_evaluations_never_share_a_folder(manifest, tmp_path):
    out = tmp_path / "run"
    problems: list[Exception] = []

    class Second(SilentProgress):
        def on_batch(self, done, scored, no_response, correct):
            if not problems:
                try:
                    evaluate(config, resume=True)
                except ConflictError as error:
                    problems.append(error)

    with FakeModelServer() as server:
        config = _config(manifest, out, server)
        evaluate(config, progress=Second())
    assert "another evaluation is writing there" in str(problems[0])


def test_the_version_found_at_the_start_answers_the_whole_run(manifest, tmp_path):
    out = tmp_path / "run"
    with FakeModelServer(versions=(1, 2)) as server:

        class Deploy(SilentProgress):
            def on_batch(self, done, scored, no_response, correct):
                server.load(3)

        result = evaluate(_config(manifest, out, server), progress=Deploy())
    assert result.document.model.served_versions == {"2": SAMPLES - 1}


def test_resume_stays_with_the_version_of_the_first_part(manifest, tmp_path):
    with FakeModelServer(versions=(1,)) as server:
        config = _config(manifest, tmp_path / "run", server)
        with pytest.raises(_InterruptedError):
            evaluate(config, progress=_StopAfter(40))
        server.load(2)
        result = evaluate(config, resume=True)
    assert result.document.model.served_versions == {"1": SAMPLES - 1}


def test_unloading_the_version_midway_stops_the_run(manifest, tmp_path):
    with FakeModelServer(versions=(1, 2)) as server:

        class Undeploy(SilentProgress):
            def on_batch(self, done, scored, no_response, correct):
                server.unload(2)

        with pytest.raises(NotReadyError, match=r"version 2 was unloaded .* never mixed"):
            evaluate(_config(manifest, tmp_path / "run", server), progress=Undeploy())


@pytest.mark.parametrize(
    ("server", "options", "error", "message"),
    [
        ({}, {"data": "absent.csv"}, DatasetError, "absent.csv: no such file"),
        ({}, {"class_names": None}, ConfigurationError, "--class-names"),
        ({}, {"model": "typo"}, NotReadyError, "typo"),
        ({}, {"version": 9}, NotReadyError, "expected version 9 to be AVAILABLE, got version 1 AVAILABLE"),
        ({"input_shape": (-1, 64, 64, 1)}, {}, ContractError, r"got uint8 \[-1, 64, 64, 1\]"),
        ({"classes": 3}, {}, ContractError, r"expected 2 scores per image.*\[-1, 3\]"),
        ({"input_shape": (-1, -1, -1, 3)}, {}, ConfigurationError, "--image-size"),
        ({}, {"image_size": (64, 64)}, ContractError, r"takes 64×64 pixels.*\[-1, 32, 32, 3\]"),
        ({}, {"operating_point": "eer"}, ConfigurationError, "'eer' needs a model card"),
        ({}, {"model_base_path": "nowhere"}, NotReadyError, "no model card at nowhere"),
        ({}, {"card": "nowhere.json"}, ConfigurationError, "nowhere.json: No such file"),
        ({}, {"baseline": "nowhere"}, ConfigurationError, "baseline nowhere: expected the folder"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_a_sentence(manifest, tmp_path, server, options, error, message):
    with FakeModelServer(**server) as running, pytest.raises(error, match=message):
        evaluate(_config(manifest, tmp_path / "run", running, **options), clock=FakeClock())


def test_an_image_size_beside_the_card_has_to_be_the_cards(manifest, tmp_path):
    card = tmp_path / "card.json"
    card.write_text(liveness_card().model_dump_json())
    with FakeModelServer() as server:
        options = {"card": card, "threshold": 0.5, "class_names": None}
        said = "expected --image-size 32x32 as the model card says, or none, got 64x64"
        with pytest.raises(ContractError, match=said):
            evaluate(_config(manifest, tmp_path / "run", server, image_size=(64, 64), **options))
        result = evaluate(_config(manifest, tmp_path / "run", server, image_size=(32, 32), **options))
    assert result.document.accounting.total == SAMPLES


def test_a_mistaken_option_leaves_the_folder_free_for_the_next_try(manifest, tmp_path):
    with FakeModelServer() as server:
        with pytest.raises(ConfigurationError, match="needs a model card"):
            evaluate(_config(manifest, tmp_path / "run", server, operating_point="typo"))
        result = evaluate(_config(manifest, tmp_path / "run", server))
    assert result.document.accounting.total == SAMPLES


def test_an_unwritable_folder_is_a_storage_error(manifest, tmp_path):
    (tmp_path / "file").write_text("x")
    with FakeModelServer() as server, pytest.raises(StorageError, match="file/run"):
        evaluate(_config(manifest, tmp_path / "file" / "run", server))


def test_reports_are_made_again_without_the_server(whole_run, tmp_path):
    same = rewrite_report(whole_run, tmp_path / "same", changes={}, gates={})
    original = json.loads(_report(whole_run))
    assert {**same.model_dump(mode="json"), "run_id": original["run_id"]} == original
    strict = rewrite_report(
        whole_run, tmp_path / "strict", changes={"threshold": 0.9}, gates={"max_bpcer": 0.01}
    )
    assert strict.verdict == "fail"
    assert strict.model.threshold == 0.9
    assert (tmp_path / "strict" / "report.html").exists()


def test_an_unfinished_run_has_no_report_to_make_again(manifest, tmp_path):
    with FakeModelServer() as server, pytest.raises(_InterruptedError):
        evaluate(_config(manifest, tmp_path / "run", server), progress=_StopAfter(50))
    with pytest.raises(
        StorageError, match=r"expected 90 predictions, got \d+; resume it|holds no predictions"
    ):
        rewrite_report(tmp_path / "run", tmp_path / "again", changes={}, gates={})
    with pytest.raises(StorageError, match=r"found no run\.json"):
        rewrite_report(tmp_path / "nothing", tmp_path / "again", changes={}, gates={})
