"""The compact form of a stored receipt: a text of the shared, the columns and its own part."""

from base64 import b85decode, b85encode
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from zlib import compress, decompress

import msgspec

from retain.decisions.receipt_columns import paste
from retain.decisions.receipt_parts import Json, Judgement, Own, Shared, receipt

COMPACT = "c1:"
"""What it begins with."""
MOST_ACTIONS = MOST_RULES = 255
_BETWEEN = "."
"""Neither base 64 nor base 85 has it."""
_KEPT = 256
"""So many shared parts are kept: there is one per catalogue, arm, models and rules seen so far."""
_ENCODE = msgspec.json.Encoder().encode
_OWN = msgspec.json.Decoder(Own).decode
_SHARED = msgspec.json.Decoder(Shared).decode


def shared_text(shared: Shared) -> str:
    """The first part of the text, with the mark that it begins with."""
    return COMPACT + b85encode(compress(_ENCODE(shared), 9)).decode("ascii") + _BETWEEN


def text(
    beginning: str, judgement: Judgement, codes: Sequence[int], columns: bytes, own: Own
) -> str:
    """The text to store.

    Args:
        beginning: from :func:`shared_text`.
        judgement: of at most :data:`MOST_ACTIONS` actions.
        codes: of the rules in ``judgement.removed_by``, at most :data:`MOST_RULES` others.
        columns: from :func:`retain.decisions.receipt_columns.cut`.
        own: the receipt's own.
    """
    allowed, removed = judgement.allowed, judgement.removed
    judged = bytes([len(allowed), *allowed, *removed, *codes])
    middle = b2a_base64(judged + columns, newline=False).decode("ascii")
    return beginning + middle + _BETWEEN + _ENCODE(own).decode()


def read(stored: str) -> Json:
    """The receipt in such a text."""
    beginning, middle, own_text = stored.split(_BETWEEN, 2)
    shared = _shared(beginning)
    actions = len(shared.actions)
    content, own = a2b_base64(middle), _OWN(own_text)
    # how many are allowed, the places of all in their order, the rules of those that are not
    removed, codes = 1 + content[0], 1 + actions
    ends = codes + actions - content[0]
    rules = [shared.rules[code] for code in content[codes:ends]]
    judgement = Judgement(content[1:removed], content[removed:codes], rules, own.believed)
    return receipt(shared, own, paste(content[ends:], actions), judgement)


def read_own(stored: str) -> Own:
    """A receipt's own part alone."""
    return _OWN(stored.split(_BETWEEN, 2)[2])


@lru_cache(maxsize=_KEPT)
def _shared(beginning: str) -> Shared:
    return _SHARED(decompress(b85decode(beginning[len(COMPACT) :])))
