"""``lifesign synth``: make a synthetic face-liveness set."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lifesign_training.synth import SynthOptions, SynthSummary

__all__ = ["command"]

_INTERRUPTED = 130
_SECONDS_BETWEEN_LINES = 5.0

_ALL_SPECIES = (
    "print_laser,print_inkjet_photo,replay_lcd_monitor,replay_phone_oled,"
    "replay_tablet,mask_paper_cutout,mask_rigid_3d"
)


def command(
    out: Annotated[Path, typer.Argument(help="New or empty folder for the set.", show_default=False)],
    subjects: Annotated[int, typer.Option(help="Number of people; 10 skin tones in turn.")] = 70,
    bona_fide_per_subject: Annotated[int, typer.Option(help="Bona fide images per person.")] = 16,
    attacks_per_subject: Annotated[int, typer.Option(help="Attack images per person, species in turn.")] = 20,
    size: Annotated[int, typer.Option(help="Side of the images in px, 48 to 256.")] = 112,
    seed: Annotated[int, typer.Option(help="Same seed and options, same bytes.")] = 0,
    strength: Annotated[float, typer.Option(help="Scale of all attack artefacts, 0.1 to 3.")] = 1.0,
    species: Annotated[str, typer.Option(help="Attack species, comma-separated.")] = _ALL_SPECIES,
    devices: Annotated[
        str, typer.Option(help="Cameras, comma-separated; kiosk_d is seen in the test split only.")
    ] = "phone_a,phone_b,webcam_c,kiosk_d",
    device_mix: Annotated[
        list[str] | None,
        typer.Option(
            help="Cameras of one split, such as test=phone_a,phone_b; repeatable.", show_default="none"
        ),
    ] = None,
    lightings: Annotated[
        str, typer.Option(help="Lightings, comma-separated.")
    ] = "indoor_even,indoor_side,backlit,low_light,outdoor",
    splits: Annotated[
        str, typer.Option(help="Fractions of the people; no one is in two splits.")
    ] = "train=.6,dev=.15,test=.25",
    skip_tones: Annotated[
        str,
        typer.Option(
            help="Skin tones to leave out (bias injection), such as mst06,mst07.", show_default="none"
        ),
    ] = "",
    skip_tones_in: Annotated[
        str, typer.Option(help="Splits that the skipped tones are left out of.")
    ] = "train,dev",
    drift_device: Annotated[
        str | None,
        typer.Option(help="Capture every image of --drift-in with this camera.", show_default="none"),
    ] = None,
    low_light: Annotated[bool, typer.Option("--low-light", help="Capture --drift-in in low light.")] = False,
    jpeg_quality: Annotated[
        int | None,
        typer.Option(help="JPEG quality of --drift-in, 1 to 100.", show_default="the camera's own"),
    ] = None,
    drift_in: Annotated[str, typer.Option(help="Splits that drift options change.")] = "test",
    workers: Annotated[
        int | None,
        typer.Option(help="Processes; the bytes do not depend on it.", show_default="one per core"),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a contact sheet (PNG) here.", show_default="none")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a synthetic face-liveness set: bona fide and seven kinds of attack, with a manifest."""
    from lifesign_training.synth import SynthOptions, generate
    from lifesign_training.synth.options import parse_device_mix, parse_split_names, parse_splits
    from lifesign_training.synth.sheet import check_sheet_path, write_sheet

    options = SynthOptions(
        subjects=subjects,
        bona_fide_per_subject=bona_fide_per_subject,
        attacks_per_subject=attacks_per_subject,
        size=size,
        seed=seed,
        strength=strength,
        species=_names(species),
        devices=_names(devices),
        device_mix=parse_device_mix(device_mix or []),
        lightings=_names(lightings),
        splits=parse_splits(splits),
        skip_tones=_names(skip_tones),
        skip_tones_in=parse_split_names(skip_tones_in),
        drift_device=drift_device,
        low_light=low_light,
        jpeg_quality=jpeg_quality,
        drift_in=parse_split_names(drift_in),
        workers=workers if workers is not None else _cores(),
    )
    if sheet is not None:
        check_sheet_path(sheet)
    try:
        with _progress_bar() as progress:
            summary = generate(out, options, progress=progress)
    except KeyboardInterrupt:
        print(f"interrupted; {out} is incomplete and has no manifest", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    if sheet is not None:
        write_sheet(sheet, out, summary.records, size)
    _tell(summary, options, sheet, as_json=as_json)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Give a listener that draws a live bar on stderr, or prints plain lines where there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("rendering"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_progress(console)
        return
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("rendering", total=None, rate="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.1f} images/s" if speed else "")

        yield show


def _line_progress(console: "Console") -> Callable[[int, int], None]:
    """Return a listener that prints a line every five seconds, for logs and pipes."""
    started = last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            console.print(f"{done}/{total} images, {done / (now - started):.1f} images/s", highlight=False)

    return show


def _tell(summary: "SynthSummary", options: "SynthOptions", sheet: Path | None, *, as_json: bool) -> None:
    result = {
        "manifest": str(summary.manifest),
        "images": summary.images,
        "subjects": summary.subjects(),
        "labels": summary.counts("label"),
        "species": {name: count for name, count in summary.counts("pai_species").items() if name},
        "splits": summary.counts("split"),
        "devices": summary.counts("device"),
        "skin_tones": summary.counts("skin_tone"),
        "seed": options.seed,
        "sheet": str(sheet) if sheet else None,
    }
    if as_json:
        json.dump(result, sys.stdout, indent=2)
        print()
        return
    for name in ("splits", "labels", "species", "devices"):
        print(f"{name:9s} " + ", ".join(f"{key} {count}" for key, count in result[name].items()))  # type: ignore[attr-defined]
    print(f"{summary.images} images of {sum(summary.subjects().values())} people: {summary.manifest}")
    if sheet is not None:
        print(f"contact sheet: {sheet}")
