"""What ``feast apply`` finds: it collects Feast objects from module attributes."""

from feature_repo.definitions import define
from retain.settings import load

for _number, _object in enumerate(define(load().features).all()):
    globals()[f"object_{_number}"] = _object
