"""The command ``lifesign-train``: fit, export, lr-find, compare, recipes, digits.

Each command imports what it needs when it runs, so ``--help`` is quick and needs no TensorFlow.
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lifesign import __version__
from lifesign.errors import LifesignError
from lifesign_training.cli.compare import compare
from lifesign_training.cli.lr_find import lr_find
from lifesign_training.cli.options import (
    AllowFindings,
    AsJson,
    Base,
    ClassMap,
    Data,
    Name,
    RandomWeights,
    RecipeName,
    Settings,
    Version,
    Weights,
)
from lifesign_training.cli.output import print_document
from lifesign_training.distribute import Distribute

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Train image classifiers and export them for TensorFlow Serving.",
)

_INTERRUPTED = 130


def main() -> None:
    """Entry point of ``lifesign-train``; a user's mistake is one sentence on stderr and exit code 2."""
    try:
        app(prog_name="lifesign-train")
    except LifesignError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as leaving:
        # Typer ends an interrupted command with this code and not a word.
        if leaving.code == _INTERRUPTED:
            how = "; a training goes on after its last finished epoch with --resume"
            print(f"interrupted{how if 'fit' in sys.argv[1:2] else ''}", file=sys.stderr)
        raise


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"lifesign-train {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Hold the commands."""


@app.command()
def fit(
    recipe: RecipeName,
    data: Data,
    out: Annotated[Path, typer.Option(help="New folder for the run.")],
    set_: Settings = None,
    class_map: ClassMap = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
    weights: Weights = None,
    random_weights: RandomWeights = False,
    export: Annotated[Path | None, Base] = None,
    name: Name = "liveness",
    version: Version = None,
    allow_findings: AllowFindings = False,
    distribute: Annotated[
        Distribute,
        typer.Option(help="auto: all GPUs; mirrored: all devices; multi-worker: the workers of TF_CONFIG."),
    ] = Distribute.AUTO,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard logs, train and validation.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Train a recipe on a data set, choose thresholds on its dev split, and export it if asked."""
    from lifesign_training.quiet import quiet_tensorflow
    from lifesign_training.recipe import load_recipe, with_class_map

    loaded = with_class_map(load_recipe(recipe, set_ or ()), class_map or ())
    quiet_tensorflow()
    from lifesign_training.export import export_version, new_version_folder, next_version
    from lifesign_training.fit import train
    from lifesign_training.multi_worker import is_chief
    from lifesign_training.progress import ConsoleProgress, ProgressGroup
    from lifesign_training.tensorboard_log import TensorBoardLog

    writes = distribute is not Distribute.MULTI_WORKER or is_chief()
    if export is not None and writes:
        # Before the training, not after it.
        new_version_folder(export, name, version or next_version(export, name))
    with ConsoleProgress(Console(stderr=True)) as progress, tempfile.TemporaryDirectory() as scratch:
        listener = ProgressGroup(progress)
        if tensorboard is not None and writes:
            listener = ProgressGroup(progress, TensorBoardLog(tensorboard))
        run = train(
            loaded,
            data,
            out if writes else Path(scratch) / "run",
            progress=listener,
            resume=resume,
            weights=weights,
            random_weights=random_weights,
            allow_findings=allow_findings,
            distribute=distribute,
        )
        exported = None
        if export is not None and writes:
            exported = export_version(run, export, name, version or next_version(export, name))
    document = {
        "run": str(out) if writes else None,
        "exported": str(exported) if exported else None,
        "epochs": run.summary.epochs,
        "best_epoch": run.summary.best_epoch,
        "seconds": round(run.summary.seconds, 1),
        "metrics": run.summary.metrics,
        "operating_points": {point.id: point.threshold for point in run.summary.operating_points},
        "data_digest": run.summary.data_digest,
    }
    print_document(document, as_json=json_)


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    base: Annotated[Path, Base],
    name: Name = "liveness",
    version: Version = None,
    inspect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            show_default="up to six activations",
            help="Layer whose output 'inspect' answers; repeatable.",
        ),
    ] = None,
    json_: AsJson = False,
) -> None:
    """Publish a finished run as BASE/NAME/VERSION, whole or not at all."""
    from lifesign_training.quiet import quiet_tensorflow

    quiet_tensorflow()
    from lifesign_training.export import export_version, next_version

    number = version or next_version(base, name)
    exported = export_version(run, base, name, number, layers=tuple(inspect or ()))
    print_document({"exported": str(exported)}, as_json=json_)


@app.command()
def recipes(json_: AsJson = False) -> None:
    """List the recipes that come with the package."""
    from lifesign_training.recipe import load_recipe, recipe_names

    print_document({name: load_recipe(name).description for name in recipe_names()}, as_json=json_)


@app.command()
def digits(out: Annotated[Path, typer.Argument(help="New folder.")], json_: AsJson = False) -> None:
    """Write scikit-learn's bundled handwritten digits as OUT/{train,dev,test}/{0…9}/*.png."""
    from lifesign_training.digits import write_digits

    print_document({f"{split} images": count for split, count in write_digits(out).items()}, as_json=json_)


app.command("lr-find")(lr_find)
app.command()(compare)
