"""A fingerprint of what is stored: any change of a feature's SQL or type changes it."""

import hashlib
import json
from functools import cache

from retain.features.catalogue import FEATURES
from retain.features.facts import FACTS
from retain.features.relations import RELATIONS


@cache
def view_fingerprint(view: str) -> str:
    """Hex digest (64 bits) of every declaration that can change a stored value of one view."""
    declared = [
        [f.stored_name, f.dtype, f.stored_sql, f.null_default]
        for f in FEATURES
        if f.relation == view
    ]
    text = json.dumps([declared, FACTS, RELATIONS[view]], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@cache
def catalogue_fingerprint() -> str:
    """Hex digest (64 bits) of every declaration that can change a stored value."""
    declared = [[f.stored_name, f.dtype, f.stored_sql, f.null_default] for f in FEATURES]
    text = json.dumps([declared, FACTS, RELATIONS], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
