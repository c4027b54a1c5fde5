"""``lifesign-train lr-find``: a learning rate for a recipe and a data set, from one ramp."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lifesign.errors import ConfigurationError
from lifesign_training.cli.options import (
    AllowFindings,
    AsJson,
    ClassMap,
    Data,
    RandomWeights,
    RecipeName,
    Settings,
    Weights,
)
from lifesign_training.cli.output import print_document

__all__ = ["lr_find"]


def lr_find(
    recipe: RecipeName,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for learning_rate.json, .png and .svg.")],
    lowest: Annotated[float, typer.Option(min=1e-12, help="First rate.")] = 1e-7,
    highest: Annotated[float, typer.Option(max=100.0, help="Last rate.")] = 1.0,
    steps: Annotated[int, typer.Option(min=20, max=100_000, help="Batches in all.")] = 100,
    set_: Settings = None,
    class_map: ClassMap = None,
    weights: Weights = None,
    random_weights: RandomWeights = False,
    allow_findings: AllowFindings = False,
    json_: AsJson = False,
) -> None:
    """Raise the learning rate batch by batch on a fresh copy of the network, and suggest a rate."""
    if lowest >= highest:
        raise ConfigurationError(f"expected --lowest below --highest, got {lowest:g} and {highest:g}")
    from lifesign_training.quiet import quiet_tensorflow
    from lifesign_training.recipe import load_recipe, with_class_map

    loaded = with_class_map(load_recipe(recipe, set_ or ()), class_map or ())
    quiet_tensorflow()
    import keras

    from lifesign.labels import Split
    from lifesign_training.learning_task import learning_task
    from lifesign_training.prepared import prepare_data
    from lifesign_training.progress import ConsoleProgress
    from lifesign_training.rate_figure import write_rate_search
    from lifesign_training.rate_finder import find_rate

    with ConsoleProgress(Console(stderr=True)) as progress:
        prepared = prepare_data(loaded, data, progress, allow_findings=allow_findings)
        task = learning_task(
            loaded, prepared, weights=weights, random_weights=random_weights, listener=progress
        )
        keras.utils.set_random_seed(loaded.training.seed)
        search = find_rate(
            task.build(weights),
            loaded,
            task.inputs[Split.TRAIN],
            prepared.class_names,
            lowest=lowest,
            highest=highest,
            steps=steps,
        )
        write_rate_search(search, out, title=f"{loaded.name}, batches of {loaded.training.batch_size}")
        if search.suggestion is None:
            progress.on_message("the loss never fell: no rate is suggested; try more steps or other limits")
    print_document(
        {
            "suggestion": search.suggestion,
            "least_loss_at": float(search.rates[search.smoothed.argmin()]),
            "diverged_at": float(search.rates[-1]) if search.diverged else None,
            "recipe_rate": loaded.training.learning_rate,
            "figure": str(out / "learning_rate.png"),
        },
        as_json=json_,
    )
