"""Options that several commands of ``lifesign-train`` have."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllowFindings",
    "AsJson",
    "Base",
    "ClassMap",
    "Data",
    "Name",
    "RandomWeights",
    "RecipeName",
    "Settings",
    "Version",
    "Weights",
]


Base = typer.Option(help="Folder of model folders, as a model server watches it.")
Name = Annotated[str, typer.Option(help="Name of the model.")]
Version = Annotated[int | None, typer.Option(min=1, show_default="the next free one", help="Version number.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
RecipeName = Annotated[
    str, typer.Option("--recipe", help="Name of a recipe (see 'recipes'), or path of a YAML or Python file.")
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        help="Folder {train,dev,test}/{class}/**, manifest or published layout; path or s3://. "
        "An .npz of features for features-head.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe value; repeatable."),
]
ClassMap = Annotated[
    list[str] | None,
    typer.Option(
        "--class-map", metavar="NAME=CLASS", help="Class that a folder or label name means; repeatable."
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Pretrained weights file without the top; nothing is downloaded."),
]
RandomWeights = Annotated[
    bool,
    typer.Option("--random-weights", help="Let features-head compute features with an untrained network."),
]
AllowFindings = Annotated[
    bool,
    typer.Option("--allow-findings", help="Train in spite of blocking findings of the data audit."),
]
