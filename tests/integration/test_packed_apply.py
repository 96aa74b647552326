"""`feast apply` itself, from its command line, on a repository that names our store."""

import subprocess
import sys
from pathlib import Path

CONFIG = """
project: shop
provider: local
registry: {{path: {folder}/registry.db}}
offline_store: {{type: duckdb}}
online_store:
  type: feature_repo.packed_store.PackedSQLiteOnlineStore
  path: {folder}/online.db
entity_key_serialization_version: 3
"""
DEFINITIONS = """
from feast import Entity, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
source = FileSource(name="file", path="orders.parquet", timestamp_field="event_timestamp")
orders = FeatureView(
    name="orders", entities=[customer], schema=[Field(name="spend", dtype=Float64)], source=source
)
"""


def test_feast_apply_makes_room_for_a_view_in_our_store(tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    feast = Path(sys.executable).parent / "feast"
    done = subprocess.run(
        [feast, "--chdir", tmp_path, "apply", "--skip-source-validation"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={"PYTHONPATH": ".", "TZ": "UTC", "PATH": "", "HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "online.db").exists()
