from datetime import UTC, datetime
from pathlib import Path

import pytest

from retain import manifest
from retain.errors import CorruptModel
from retain.manifest import Manifest, ModelFeature, TrainingWindow


def a_manifest(**changes) -> Manifest:
    return Manifest(
        head="churn",
        features=(ModelFeature(name="order_recency_days"), ModelFeature(name="orders_90d")),
        horizon_days=90,
        training=TrainingWindow(as_of=datetime(2011, 3, 10, tzinfo=UTC)),
        **changes,
    )


def a_folder(tmp_path: Path) -> Path:
    (tmp_path / "model.txt").write_text("tree")
    manifest.seal(tmp_path, a_manifest())
    return tmp_path


def test_a_sealed_manifest_reads_back_equal(tmp_path):
    (tmp_path / "model.txt").write_text("tree")
    sealed = manifest.seal(tmp_path, a_manifest())
    assert manifest.read(tmp_path) == sealed
    assert set(sealed.files) == {"model.txt"}


def test_the_same_content_has_the_same_version_whenever_it_was_made():
    later = a_manifest(created_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert a_manifest().sealed().version == later.sealed().version


def test_another_feature_order_is_another_fingerprint_and_version():
    straight = a_manifest().sealed()
    turned = a_manifest().model_copy(update={"features": straight.features[::-1]}).sealed()
    assert turned.fingerprint != straight.fingerprint
    assert turned.version != straight.version


def test_an_edited_manifest_is_corrupt(tmp_path):
    path = a_folder(tmp_path) / "manifest.json"
    path.write_text(path.read_text().replace('"horizon_days": 90', '"horizon_days": 30'))
    with pytest.raises(CorruptModel, match="was changed"):
        manifest.read(tmp_path)


def test_a_missing_manifest_is_corrupt(tmp_path):
    with pytest.raises(CorruptModel, match="no readable manifest"):
        manifest.read(tmp_path)


def test_a_truncated_manifest_is_corrupt(tmp_path):
    path = a_folder(tmp_path) / "manifest.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(CorruptModel):
        manifest.read(tmp_path)


def test_a_model_is_named_by_head_and_version():
    sealed = a_manifest().sealed()
    assert sealed.name == f"churn:{sealed.version}"
