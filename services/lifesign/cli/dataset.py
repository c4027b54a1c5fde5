"""``lifesign dataset``: what a data set is taken for, what is in it, and a manifest of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lifesign.datasets.inventory import Inventory

__all__ = ["command"]

_SHOWN = 3


def command(
    data: Annotated[
        str,
        typer.Argument(
            help="manifest (.csv, .jsonl, .parquet), class folders or a published layout: a path or an "
            "address such as s3://bucket/prefix"
        ),
    ],
    layout: Annotated[
        str | None,
        typer.Option(
            help="folders, nuaa, oulu-npu, celeba-spoof, lcc-fasd, replay-attack, casia-fasd, msu-mfsd, siw, "
            "rose-youtu or cifar-100",
            show_default="as recognised",
        ),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="of a layout that has several, such as 1, 2, 3.1 to 4.6 of oulu-npu")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="write a manifest here (.csv, .jsonl, .parquet)", show_default="none")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="refuse files that are not those published (cifar-100)")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print everything as JSON to stdout")] = False,
) -> None:
    """Say what a data set was recognised as, count it, and list what in it is no sample.

    Exit code: 0 read, 2 not usable; the reason is on stderr.
    """
    from lifesign.datasets.export import manifest_bytes
    from lifesign.datasets.inventory import inventory_of
    from lifesign.datasets.reading import read_raw
    from lifesign.evaluation.replay.predictions import replaced_file

    raw = read_raw(data, layout=layout, protocol=protocol, verify=verify)
    if out is not None:
        content = manifest_bytes(raw, out)
        with replaced_file(out) as file:
            file.write(content)
    inventory = inventory_of(raw)
    if as_json:
        print(json.dumps(inventory.to_dict(), indent=2, ensure_ascii=False))
    else:
        _print(inventory, out)


def _print(inventory: "Inventory", out: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def say(text: str, style: str = "") -> None:
        console.print(Text(text, style=style), soft_wrap=True)

    console = Console()
    say(f"recognised as {inventory.recognised}", style="bold")
    say(
        f"{inventory.samples:,} samples, {_number(inventory.subjects)} subjects, "
        f"{_number(inventory.presentations)} presentations"
    )
    table = Table(box=None, pad_edge=False)
    for name in ("split", "label", "species"):
        table.add_column(name)
    for name in ("samples", "subjects", "presentations"):
        table.add_column(name, justify="right")
    for cell in inventory.cells:
        words = (cell.split, cell.label, cell.pai_species)
        numbers = (cell.samples, cell.subjects, cell.presentations)
        table.add_row(*(Text(word or "–") for word in words), *map(_number, numbers))
    console.print(table)
    if inventory.columns:
        say("columns: " + ", ".join(f"{name} ({count})" for name, count in inventory.columns.items()))
    if inventory.shared_subjects:
        say(
            f"in more than one split: {len(inventory.shared_subjects)} subjects, "
            f"{_some(inventory.shared_subjects)}"
        )
    if inventory.missing:
        say(f"not there, so without response: {len(inventory.missing):,} images, {_some(inventory.missing)}")
    if inventory.rejections:
        say(f"rejected: {len(inventory.rejections):,}")
    for reason, count, first in inventory.reasons():
        say(f"  {count:,} × {reason}, such as {first}")
    for note in inventory.notes:
        say(f"note: {note}")
    if out is not None:
        say(f"manifest: {out}")


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _some(names: tuple[str, ...]) -> str:
    return "such as " + ", ".join(names[:_SHOWN])
