"""What a terminal shows of a dry run: what would be sent, what came back, what is wrong with it."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lifesign.evaluation.contract.trial import ClassFacts, DryRun, OutputFacts, SentFacts, TensorFacts

__all__ = ["print_dry_run"]

_SHOWN_SAMPLES = 6
_SHOWN_CLASSES = 20


def print_dry_run(trial: DryRun, *, as_json: bool, quiet: bool) -> None:
    """Print to stdout: the trial as JSON, or tables for people, or nothing."""
    if as_json:
        print(trial.model_dump_json(indent=2))
    elif not quiet:
        _print_tables(Console(), trial)


def _print_tables(console: Console, trial: DryRun) -> None:
    title = f"dry run of {trial.model} version {trial.version} on {trial.images} images"
    console.print(Text(title, style="bold"), soft_wrap=True)
    for head, rows in (
        ("signatures", _signature_rows(trial)),
        ("sent", _sent_rows(trial)),
        ("answered", (row for output in trial.outputs for row in _output_rows(output))),
    ):
        _print_pairs(console, head, list(rows))
    _print_classes(console, trial.classes)
    _print_samples(console, trial)
    _print_scalings(console, trial)
    for sentence in trial.assumed:
        console.print(Text(f"assumed: {sentence}"), soft_wrap=True)
    for finding in trial.findings:
        console.print(Text(f"{finding.severity}: {finding.sentence} {finding.remedy}"), soft_wrap=True)
    verdict = (
        "refused: an evaluation would measure nonsense" if trial.is_refused else "nothing speaks against it"
    )
    if trial.findings and not trial.is_refused:
        verdict = "possible, with warnings"
    console.print(Text(verdict, style="bold"), soft_wrap=True)


def _print_pairs(console: Console, head: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(head)
    table.add_column("", overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    console.print(table)


def _signature_rows(trial: DryRun) -> Iterator[tuple[str, str]]:
    for one in trial.signatures:
        mark = " (used)" if one.name == trial.exchange.signature else ""
        ins, outs = (", ".join(map(_tensor, side)) for side in (one.inputs, one.outputs))
        yield f"{one.name}{mark}", f"{ins} → {outs}"


def _tensor(tensor: TensorFacts) -> str:
    shape = "?" if tensor.shape is None else str(list(tensor.shape)).replace("-1", "?")
    return f"{tensor.name} {tensor.dtype} {shape}"


def _sent_rows(trial: DryRun) -> Iterator[tuple[str, str]]:
    sent: SentFacts = trial.sent
    yield "images", trial.preprocessing
    yield "input", f"{sent.name} {sent.dtype} {list(sent.shape)}" + (f" {sent.layout}" if sent.layout else "")
    yield "size", f"{sent.bytes_per_image:,.0f} bytes per image"
    if sent.encoding is not None:
        yield "encoding", sent.encoding
    if sent.scaling is not None:
        yield "scaling", sent.scaling
    for channel in sent.channels:
        yield (
            f"channel {channel.name}",
            f"{channel.minimum:.6g} to {channel.maximum:.6g}, mean {channel.mean:.6g}",
        )
    for name, reason in trial.refused_images.items():
        yield f"not sent: {name}", reason


def _output_rows(output: OutputFacts) -> Iterator[tuple[str, str]]:
    extent = f"{_number(output.minimum)} to {_number(output.maximum)}"
    yield output.name, f"{output.dtype} {list(output.shape)}, {extent}"
    if len(output.shape) == 2 and output.shape[1] > 1:
        sums = f"{_number(output.row_sum_minimum)} to {_number(output.row_sum_maximum)}"
        yield f"{output.name} row sums", sums


def _print_classes(console: Console, classes: tuple[ClassFacts, ...]) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("class", "lowest", "mean", "highest score", "labelled", "predicted"):
        table.add_column(head, justify="left" if head == "class" else "right")
    for one in classes[:_SHOWN_CLASSES]:
        values = (one.minimum, one.mean, one.maximum)
        table.add_row(Text(one.class_name), *map(_number, values), str(one.labelled), str(one.predicted))
    console.print(table)
    if len(classes) > _SHOWN_CLASSES:
        console.print(f"… and {len(classes) - _SHOWN_CLASSES} more classes (--json has all)")


def _print_samples(console: Console, trial: DryRun) -> None:
    if not trial.samples:
        return
    table = Table(box=None, pad_edge=False)
    for head in ("sample", "label", "score of its label"):
        table.add_column(head)
    places = {one.class_name: place for place, one in enumerate(trial.classes)}
    for sample in trial.samples[:_SHOWN_SAMPLES]:
        score = _number(sample.scores[places[sample.label]])
        table.add_row(Text(sample.sample_id), Text(sample.label), score)
    console.print(table)


def _print_scalings(console: Console, trial: DryRun) -> None:
    if not trial.scalings:
        return
    table = Table(box=None, pad_edge=False)
    for head in ("scaling tried", "right", "mean of the largest score"):
        table.add_column(head)
    for one in trial.scalings:
        name = f"{one.scaling} (sent)" if one.is_chosen else one.scaling
        table.add_row(Text(name), f"{one.right} of {one.images}", _number(one.mean_largest_score))
    console.print(table)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
