"""Which source a compiled module was made from."""

from hashlib import sha256
from pathlib import Path

SOURCES = Path(__file__).parent


def digest(source: Path) -> str:
    """Of a source and all headers there are, since any of them may be in it."""
    together = b"".join(one.read_bytes() for one in (source, *sorted(SOURCES.glob("*.h"))))
    return sha256(together).hexdigest()[:16]
