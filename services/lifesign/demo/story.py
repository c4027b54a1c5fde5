"""The story: make faces, train, serve, answer, replay; then three things that go wrong and get caught."""

import json
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from lifesign.client import PredictionClient
from lifesign.demo.http import get_json, get_text, is_ok, post
from lifesign.demo.narration import Narrator
from lifesign.demo.processes import ServiceGroup, choose_port, command_line, require_disk_space, run
from lifesign.demo.scenes import (
    DARK_TONES,
    Layout,
    drifted_options,
    drop_bona_fide,
    faces_options,
    pick_images,
)
from lifesign.errors import ConflictError, LifesignError, StorageError

__all__ = ["tell"]

_NEEDED_BYTES = 500_000_000
_MARKER = ".lifesign-demo"
_JUDGED = frozenset({0, 1, 2})
_SEED = 7


@dataclass(frozen=True)
class _Addresses:
    grpc: int
    rest: int
    gateway: int
    monitor: int


def tell(root: Path, *, keep: bool, console: Console) -> None:
    """Run the whole demo below ``root``; with ``keep`` the services go on until Ctrl-C.

    Raises:
        ConflictError: ``root`` holds something that no demo has made.
        StorageError: less than 500 MB of disk space is free.
    """
    layout = Layout(root.absolute())
    _prepare(layout.root)
    story = _Story(layout, Narrator(console, chapters=9), _choose_ports(console))
    # A demo that is terminated or loses its terminal must stop what it started, as an interrupted one does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with ServiceGroup(layout.logs) as services:
            story.make_faces()
            story.train(1, layout.faces)
            story.serve(services)
            story.answer_images()
            story.replay_test_set()
            story.replay_drifted_set()
            story.publish_biased_version()
            story.withdraw_version()
            story.watch(services)
            story.close(keep)
            if keep:
                _wait_for_interrupt(console)
    finally:
        console.print("everything that the demo started is stopped")


def _prepare(root: Path) -> None:
    try:
        _make_room(root)
    except OSError as error:
        raise StorageError(f"cannot use {root}: {error.strerror or error}; choose another --out") from error


def _make_room(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise ConflictError(f"{root}: expected a folder, got a file; choose another --out")
    require_disk_space(root, _NEEDED_BYTES)
    if root.exists() and any(root.iterdir()):
        if not (root / _MARKER).exists():
            raise ConflictError(f"{root} holds something that no demo has made; choose another --out")
        shutil.rmtree(root)
    (root / "data").mkdir(parents=True, exist_ok=True)
    (root / _MARKER).touch()


def _choose_ports(console: Console) -> _Addresses:
    chosen = []
    for preferred in (8500, 8501, 8080, 8090):
        port, is_preferred = choose_port(preferred)
        if not is_preferred:
            console.print(f"port {preferred} is in use; the demo takes {port} instead")
        chosen.append(port)
    return _Addresses(*chosen)


def _wait_for_interrupt(console: Console) -> None:
    try:
        console.print("the services are running; [bold]Ctrl-C[/] stops them")
        # Not signal.pause(): a signal that comes just before it would be handled only after the next one.
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print()


class _Story:
    """The chapters; each uses the commands that a user would type."""

    def __init__(self, layout: Layout, narrator: Narrator, ports: _Addresses) -> None:
        self._layout = layout
        self._narrator = narrator
        self._ports = ports
        self._lifesign = command_line("lifesign")
        self._train = command_line("lifesign-train")

    def make_faces(self) -> None:
        self._narrator.chapter(
            "make faces and attacks",
            "People of ten skin tones, photographed by simulated cameras; prints, screens and masks twice.",
        )
        sheet = self._layout.root / "data/faces.png"
        self._run("synth", self._layout.faces, *faces_options(_SEED), "--sheet", sheet)

    def train(self, version: int, data: Path) -> None:
        if version == 1:
            self._narrator.chapter(
                "train, choose a threshold on development data, export version 1",
                "The version is written aside, checked against Keras on 32 images, then renamed into place.",
            )
        run(
            [
                self._train, "fit", "--recipe", "liveness-small", "--data", str(data),
                "--out", str(self._layout.training_run(version)),
                "--export", str(self._layout.models), "--name", "liveness", "--version", str(version),
            ]
        )  # fmt: skip

    def serve(self, services: ServiceGroup) -> None:
        self._narrator.chapter(
            "serve it",
            "The embedded server speaks TensorFlow Serving's gRPC and REST; production has the real one.",
        )
        server = services.start(
            "model-server",
            [
                self._lifesign, "serve", f"--port={self._ports.grpc}", f"--rest_api_port={self._ports.rest}",
                "--model_name=liveness", f"--model_base_path={self._layout.models / 'liveness'}",
            ],
        )  # fmt: skip
        server.wait_until(lambda: self._served_version() == 1, deadline_seconds=90)
        gateway = services.start(
            "gateway",
            [
                self._lifesign, "gateway", "--port", str(self._ports.gateway), "--target", self._target,
                "--model", "liveness", "--model-base-path", str(self._layout.models),
            ],
        )  # fmt: skip
        gateway.wait_until(lambda: is_ok(f"{self._gateway}/readyz"), deadline_seconds=60)
        self._narrator.say(f"model server on {self._target}, gateway on {self._gateway}")

    def answer_images(self) -> None:
        self._narrator.chapter("answer images over HTTP", "POST /v1/liveness with the image as the body.")
        for row in pick_images(self._layout.faces / "manifest.csv", 6):
            data = (self._layout.faces / row["path"]).read_bytes()
            answer = post(f"{self._gateway}/v1/liveness", data, "image/png")
            truth = row["pai_species"] or "bona fide"
            mark = "[green]✓[/]" if answer["decision"] == row["label"] else "[red]✗[/]"
            self._narrator.say(
                f"  {mark} {answer['decision']:<9} score {answer['score']:.3f}  in truth {truth:<20} "
                f"{row['skin_tone']}  {answer['timing_ms']['total']:.0f} ms"
            )

    def replay_test_set(self) -> None:
        self._narrator.chapter(
            "replay the labelled test set through gRPC",
            "People the model never saw. Every image is scored or has a reason; every rate has an interval.",
        )
        self._evaluate("version-1", self._layout.faces)
        self._expect("version-1", set())

    def replay_drifted_set(self) -> None:
        self._narrator.chapter(
            "something goes wrong: a new device in low light",
            "The same model, the same kinds of people and attacks; only the camera and the light changed.",
        )
        self._run("synth", self._layout.drifted, *drifted_options(_SEED))
        self._evaluate("drifted", self._layout.drifted)
        self._expect("drifted", {"drift"})

    def publish_biased_version(self) -> None:
        self._narrator.chapter(
            "something goes wrong: version 2 never saw genuine faces of dark skin",
            "By its own development set it is fine, and the server swaps it in without a failed request.",
        )
        dropped = drop_bona_fide(self._layout.faces, self._layout.biased_faces, DARK_TONES)
        self._narrator.say(
            f"its data lack {dropped} bona fide images of {DARK_TONES[0]} to {DARK_TONES[-1]}, but no attack"
        )
        self.train(2, self._layout.biased_faces)
        self._wait_for_version(2)
        self._evaluate("version-2", self._layout.faces, "--baseline", self._run_folder("version-1"))
        self._expect("version-2", {"differential_performance", "regression"})

    def withdraw_version(self) -> None:
        self._narrator.chapter(
            "withdraw version 2", "Moving its folder away is enough: version 1 answers again."
        )
        withdrawn = self._layout.root / "withdrawn"
        withdrawn.mkdir()
        (self._layout.models / "liveness/2").rename(withdrawn / "2")
        self._wait_for_version(1)
        self._narrator.say("version 1 is served again")

    def watch(self, services: ServiceGroup) -> None:
        self._narrator.chapter(
            "keep watching", "The evaluation service repeats this on a schedule and feeds Prometheus."
        )
        schedules = self._layout.root / "schedules.json"
        schedules.write_text(json.dumps(self._schedules(), indent=2))
        monitor = services.start(
            "monitor",
            [
                self._lifesign, "monitor", "--port", str(self._ports.monitor),
                "--schedules", str(schedules), "--data-dir", str(self._layout.root / "monitor"),
            ],
        )  # fmt: skip
        monitor.wait_until(lambda: is_ok(f"{self._monitor}/readyz"), deadline_seconds=60)
        body = json.dumps({"evaluation": "liveness-test"}).encode()
        created = post(f"{self._monitor}/v1/evaluations", body, "application/json")
        address = f"{self._monitor}/v1/evaluations/{created['id']}"
        monitor.wait_until(
            lambda: get_json(address)["state"] not in {"queued", "running"}, deadline_seconds=120
        )
        wanted = ("lifesign_eval_apcer_max_ratio{", "lifesign_eval_bpcer_ratio{", "lifesign_eval_auc_ratio{")
        for line in get_text(f"{self._monitor}/metrics").splitlines():
            if line.startswith(wanted):
                self._narrator.say(f"  {line}")

    def close(self, keep: bool) -> None:
        layout = self._layout
        rows = [
            ("the faces", str(layout.root / "data/faces.png")),
            ("training curves", str(layout.training_run(1) / "curves.png")),
            ("report of version 1", str(self._run_folder("version-1") / "report.html")),
            ("report of the drifted set", str(self._run_folder("drifted") / "report.html")),
            ("report of version 2", str(self._run_folder("version-2") / "report.html")),
            ("the same as JSON", str(self._run_folder("version-2") / "report.json")),
        ]
        if keep:
            rows += [
                ("gateway (API docs)", f"{self._gateway}/docs"),
                ("evaluation service", f"{self._monitor}/"),
                ("its metrics", f"{self._monitor}/metrics"),
                ("model server", f"gRPC {self._target}, REST http://127.0.0.1:{self._ports.rest}"),
            ]
        else:
            rows += [
                ("leave the services running", "make demo KEEP=1"),
                ("your own folders, your own model", "README.md"),
            ]
        self._narrator.closing(rows)

    @property
    def _target(self) -> str:
        return f"127.0.0.1:{self._ports.grpc}"

    @property
    def _gateway(self) -> str:
        return f"http://127.0.0.1:{self._ports.gateway}"

    @property
    def _monitor(self) -> str:
        return f"http://127.0.0.1:{self._ports.monitor}"

    def _run(self, command: str, *arguments: object, accepted: frozenset[int] = frozenset({0})) -> int:
        return run([self._lifesign, command, *map(str, arguments)], accepted=accepted)

    def _run_folder(self, name: str) -> Path:
        return self._layout.evaluations / name

    def _evaluate(self, name: str, data: Path, *options: object) -> None:
        self._run(
            "evaluate", data, "--target", self._target, "--model", "liveness",
            "--model-base-path", self._layout.models, "--out", self._run_folder(name),
            "--min-auc", "0.8", "--max-bpcer", "0.3", *options, accepted=_JUDGED,
        )  # fmt: skip

    def _expect(self, name: str, kinds: set[str]) -> None:
        document = json.loads((self._run_folder(name) / "report.json").read_text("utf-8"))
        found = {alert["kind"] for alert in document["alerts"] if alert["severity"] != "info"}
        if kinds - found:
            raise LifesignError(
                f"expected an alert of kind {sorted(kinds - found)} in {self._run_folder(name)}"
            )
        self._narrator.say(
            f"[bold red]caught:[/] {', '.join(sorted(found)).replace('_', ' ')}"
            if found
            else "[green]no alert[/]"
        )

    def _served_version(self) -> int | None:
        with PredictionClient(self._target, model="liveness", timeout_seconds=2) as client:
            try:
                versions = client.status()
            except LifesignError:
                return None
        return max((item.version for item in versions if item.state == "AVAILABLE"), default=None)

    def _wait_for_version(self, version: int) -> None:
        end = time.monotonic() + 60
        while self._served_version() != version:
            if time.monotonic() > end:
                raise LifesignError(f"version {version} was not served within 60 s; see {self._layout.logs}")
            time.sleep(0.2)

    def _schedules(self) -> dict[str, Any]:
        evaluation = {
            "target": self._target,
            "model": "liveness",
            "data": str(self._layout.faces),
            "model_base_path": str(self._layout.models),
        }
        nightly = {"cron": "0 3 * * *", "timezone": "UTC", "evaluation": "liveness-test"}
        return {"evaluations": {"liveness-test": evaluation}, "schedules": {"nightly": nightly}}
