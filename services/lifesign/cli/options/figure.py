"""Options of a figure: what to show of a model, how classes are sorted, and the model server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lifesign.cli.options.groups import given_options
from lifesign.cli.options.replay import size_of
from lifesign.evaluation.figures.kinds import ClassOrder

__all__ = ["Asked", "Shown", "Sorted"]


@dataclass(frozen=True)
class Shown:
    """The picture, and the part of a model that is shown of it."""

    image: Annotated[Path | None, typer.Option(help="picture to show to the model: maps, saliency")] = None
    layer: Annotated[
        str | None,
        typer.Option(
            help="layer of maps, of filters or of Grad-CAM",
            show_default="maps: all; filters: the first; Grad-CAM: the last",
        ),
    ] = None
    target_class: Annotated[
        str | None,
        typer.Option("--class", help="class by name or number: saliency", show_default="the decided"),
    ] = None
    patch: Annotated[
        int | None,
        typer.Option(help="side of the hidden patch, pixels", show_default="an eighth of the picture"),
    ] = None
    step: Annotated[
        int | None, typer.Option(help="pixels from patch to patch", show_default="half a patch")
    ] = None

    def given(self) -> dict[str, Any]:
        """Return the options by the names of ``FigureOptions``."""
        return {
            "image": self.image,
            "layer": self.layer,
            "target": self.target_class,
            "patch": self.patch,
            "step": self.step,
        }


@dataclass(frozen=True)
class Sorted:
    """How the classes of a confusion matrix are sorted."""

    order: Annotated[ClassOrder, typer.Option(help="how the classes of a confusion matrix are sorted")] = (
        ClassOrder.AUTO
    )
    superclasses: Annotated[
        Path | None,
        typer.Option(help="file of class and superclass, JSON or CSV", show_default="those of the run"),
    ] = None

    def given(self) -> dict[str, Any]:
        """Return the options by the names of ``FigureOptions``.

        Raises:
            ConfigurationError: a file of superclasses that cannot be read.
        """
        from lifesign.evaluation.superclasses import read_superclasses

        path = self.superclasses
        return {"order": self.order, "superclasses": None if path is None else read_superclasses(path)}


@dataclass(frozen=True)
class Asked:
    """The model behind a server, and how long to wait for it."""

    model: Annotated[
        str | None, typer.Option(help="name of the served model", show_default="that of the run, if given")
    ] = None
    model_version: Annotated[
        int | None, typer.Option(help="version to ask", show_default="the highest AVAILABLE")
    ] = None
    model_base_path: Annotated[
        Path | None, typer.Option(help="folder with MODEL/VERSION/, where the model card is")
    ] = None
    model_config: Annotated[
        Path | None, typer.Option(help="YAML or JSON file: what a model that is not Lifesign's own takes")
    ] = None
    class_names: Annotated[
        str | None,
        typer.Option(help="classes in the order of the scores, with commas, where no card tells them"),
    ] = None
    image_size: Annotated[
        str | None, typer.Option(help="for a model of any input size without a card: HEIGHTxWIDTH pixels")
    ] = None
    timeout: Annotated[float, typer.Option(help="deadline of one request, seconds")] = 30.0
    wait_server: Annotated[float, typer.Option(help="how long to wait for a server, seconds")] = 10.0

    def given(self) -> dict[str, Any]:
        """Return the options that were given, by the names of ``EvaluationConfig``.

        Raises:
            ConfigurationError: a size or a model config of another form.
        """
        from lifesign.evaluation.contract.document import read_model_contract

        config, names = self.model_config, self.class_names
        return given_options(
            model=self.model,
            version=self.model_version,
            model_base_path=self.model_base_path,
            contract=None if config is None else read_model_contract(config),
            class_names=None if names is None else tuple(one.strip() for one in names.split(",")),
            image_size=size_of(self.image_size),
            timeout_seconds=self.timeout,
            wait_server_seconds=self.wait_server,
        )
