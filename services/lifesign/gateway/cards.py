"""Model cards of the versions that answer."""

from pathlib import Path

from lifesign.errors import ContractError
from lifesign.model_card import ModelCard, read_model_card

__all__ = ["CardShelf"]


class CardShelf:
    """The cards of one model by version, read once each: a version folder never changes."""

    def __init__(self, base_path: Path, model: str) -> None:
        self.folder = base_path / model
        self._model = model
        self._cards: dict[int, ModelCard] = {}

    def card(self, version: int) -> ModelCard:
        """Return the card of a version.

        Raises:
            NotReadyError: the version's folder has no card (yet).
            ContractError: the card is not valid, or belongs to another model or version.
        """
        card = self._cards.get(version)
        if card is None:
            card = read_model_card(self.folder / str(version))
            if (card.name, card.version) != (self._model, version):
                raise ContractError(
                    f"expected the card of {self._model} version {version}, "
                    f"got that of {card.name} version {card.version}"
                )
            if card.task != "liveness":
                raise ContractError(f"expected a liveness model, got task {card.task!r} in {self.folder}")
            self._cards[version] = card
        return card
