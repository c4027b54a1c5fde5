"""A contract that is complete: which signature, what is sent, how the answer is read."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lifesign.client import Prediction
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
        """See ``Exchange.inputs``."""
        return {self.input.name: sent_tensor(images, self.input)}

    def prediction(self, outputs: Mapping[str, NDArray[Any]], version: int) -> Prediction:
        """See ``Exchange.prediction``."""
        return read_answer(outputs, version, self.output)


def preprocessing_text(spec: PreprocessingSpec, exchange: ModelExchange | None) -> str:
    """Return everything between the file and the score in one line."""
    if exchange is None:
        return spec.fingerprint
    # Where the model gets the file itself, our own pixels are only measured.
    prepared = "" if exchange.input.takes_files else f"{spec.fingerprint}>"
    return prepared + exchange.fingerprint
