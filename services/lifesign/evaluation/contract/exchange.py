"""A contract that is complete: which signature, what is sent, how the answer is read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lifesign.client import Prediction
from lifesign.errors import ContractError
from lifesign.evaluation.contract.answers import ReadOutput, read_answer
from lifesign.evaluation.contract.pixels import SentInput, sent_tensor
from lifesign.preprocessing import PreprocessingSpec

__all__ = ["ModelExchange", "preprocessing_text"]


class ModelExchange(BaseModel):
    """How one served model is spoken to; an ``Exchange`` of ``lifesign.client``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signature: str
    input: SentInput
    output: ReadOutput

    @property
    def output_filter(self) -> tuple[str, ...]:
        """See ``Exchange.output_filter``."""
        return self.output.names

    @property
    def fingerprint(self) -> str:
        """One line that changes whenever what is sent or how it is read does."""
        return f"{self.input.fingerprint}>{self.signature}.{self.input.name}; {self.output.fingerprint}"

    def inputs(self, images: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        """See ``Exchange.inputs``; a request for fewer images than the model takes is filled with the last.

        Raises:
            ContractError: they are more than the model takes.
        """
        batch = self.input.batch or len(images)
        if len(images) > batch:
            raise ContractError(f"expected a request of up to {batch}, got {len(images)} images")
        if len(images) < batch:
            images = np.concatenate([images, np.repeat(images[-1:], batch - len(images), axis=0)])
        return {self.input.name: sent_tensor(images, self.input)}

    def answered(self, outputs: Mapping[str, NDArray[Any]], images: int) -> dict[str, NDArray[Any]]:
        """Return what one answer says of the first ``images``; the others only filled the request."""
        return {
            name: values[:images] if values.shape[:1] == (self.input.batch,) else values
            for name, values in outputs.items()
        }

    def prediction(self, outputs: Mapping[str, NDArray[Any]], version: int, images: int) -> Prediction:
        """See ``Exchange.prediction``."""
        return read_answer(self.answered(outputs, images), version, self.output)


def preprocessing_text(spec: PreprocessingSpec, exchange: ModelExchange | None) -> str:
    """Return everything between the file and the score in one line."""
    if exchange is None:
        return spec.fingerprint
    # Where the model gets the file itself, our own pixels are only measured.
    prepared = "" if exchange.input.takes_files else f"{spec.fingerprint}>"
    return prepared + exchange.fingerprint
