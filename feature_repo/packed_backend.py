"""What a place that keeps packed rows can do; SQLite and Redis are two of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from feature_repo.packed_codec import Encoded
from feature_repo.packed_layout import Layout
from feature_repo.packed_rows import PackedRows
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_view import PackedView

Key = str | bytes


class PackedBackend(Protocol):
    """Packed rows of the customers of one project.

    Every method raises StoreUnavailable when the store does not answer.
    """

    def read(self, keys: Sequence[Key], asked: Layout) -> PackedRows:
        """One round trip for all views; a key asked twice is answered twice.

        One line per key, in their order. ``asked`` is headed; the rows may be of another layout,
        with more views, without those nobody has, or with a view by another schema.

        Raises:
            FingerprintMismatch: a row was written for another schema, or is damaged.
        """

    def read_rows(self, keys: Sequence[Key], views: Sequence[str]) -> list[list[bytes | None]]:
        """Per view the row of every key, whatever schema it was written for."""

    def write(
        self,
        keys: Sequence[Key],
        rows: Mapping[PackedView, Encoded],
        *,
        job: tuple[str, int] | None = None,
    ) -> None:
        """Keep these rows, each customer at once; an older row never replaces a newer one.

        ``job`` is a job's name and how far it is once they are kept.
        """

    def schemas(self) -> dict[int, PackedSchema]:
        """Every schema rows were ever written for, by fingerprint."""

    def add_view(self, view: PackedView) -> None:
        """Make room for a view."""

    def drop_view(self, view: str) -> None:
        """Forget a view and its rows."""

    def clear(self) -> None:
        """Forget everything of this project and entity."""

    def progress(self, job: str) -> int:
        """How many rows of a job were written before it stopped."""

    def end(self, job: str) -> None:
        """Forget a job: it is done."""
