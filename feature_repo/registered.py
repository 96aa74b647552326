"""What ``feast apply`` finds: it collects Feast objects from module attributes."""

from feature_repo.definitions import define
from retain.settings import load

_settings = load()
for _number, _object in enumerate(define(_settings.features, _settings.feature_ttl_days).all()):
    globals()[f"object_{_number}"] = _object
