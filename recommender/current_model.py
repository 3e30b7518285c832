"""CurrentModel: the one reference to the model that is served."""

from __future__ import annotations

from recommender.served_model import ServedModel


class NoModelError(Exception):
    """No model is served yet; the message says why."""


class CurrentModel:
    """A request takes the model once and keeps it to its end; a swap is one assignment, so no lock is needed."""

    def __init__(self) -> None:
        self.model: ServedModel | None = None
        self.why_none = "No model has been loaded yet."

    def take(self) -> ServedModel:
        """Raises NoModelError before the first model."""
        if (model := self.model) is None:
            raise NoModelError(self.why_none)
        return model

    def swap(self, model: ServedModel) -> None:
        self.model = model
