"""What can go wrong in the domain; each error says what to do about it.

The edge maps these to problem details or exit codes; the domain knows neither.
"""


class RetainError(Exception):
    """Base of every error Retain raises on purpose.

    ``remedy`` is one sentence that says what the reader can do.
    """

    def __init__(self, message: str, *, remedy: str = "", field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.field = field


class InvalidInput(RetainError):
    """The caller's input cannot be used as it is; ``field`` names the part at fault."""


class UnreadableFile(InvalidInput):
    """A file is missing, empty, or not of the format it was said to be."""


class UnknownCustomer(RetainError):
    """No event of this customer is known."""


class NotFound(RetainError):
    """A named thing (a decision, a model, a version) does not exist."""


class NoModel(RetainError):
    """A head has no champion, or its artefact is not there."""


class CorruptModel(RetainError):
    """An artefact's digest is not its manifest's, or the artefact does not load."""


class FingerprintMismatch(RetainError):
    """Stored features and the model's manifest do not describe the same columns."""


class NotEnoughData(RetainError):
    """There is too little history to do what was asked; the message says what is missing."""


class StoreUnavailable(RetainError):
    """A store did not answer; the same call may succeed later.

    Attributes:
        store: which, where it is another than the one that was asked for.
    """

    store = ""


class StoreDamaged(StoreUnavailable):
    """A store's file is damaged: no later call succeeds until somebody has repaired it."""


class Conflict(RetainError):
    """The same key was used before for something else."""


class Leakage(RetainError):
    """What a model would learn from knows the future; the message names it."""
