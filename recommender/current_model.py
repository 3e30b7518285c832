"""CurrentModel: the one reference to the model that is served."""

from __future__ import annotations

from datetime import UTC, datetime

from recommender.served_model import ServedModel


class NoModelError(Exception):
    """No model is served yet; the message says why."""


class CurrentModel:
    """A request takes the model once and keeps it to its end; a swap is one assignment, so no lock is needed."""

    def __init__(self) -> None:
        self.model: ServedModel | None = None
        self.why_none = "No model has been loaded yet."
        self.checked_at: datetime | None = None
        """When it was last certain that what is published is what is served."""
        self.trouble: str | None = None
        """Why it is not certain now; lists are still answered, from a model that may be stale."""

    def take(self) -> ServedModel:
        """Raises NoModelError before the first model."""
        if (model := self.model) is None:
            raise NoModelError(self.why_none)
        return model

    def confirmed(self) -> None:
        """What is published is what is served."""
        self.checked_at, self.trouble = datetime.now(UTC), None

    def swap(self, model: ServedModel) -> None:
        self.model = model
