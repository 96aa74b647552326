import pytest

from retain import artefacts
from retain.errors import NoModel
from tests.tiny_models import write_model


def test_a_head_has_one_name_in_the_store():
    assert artefacts.store_name("next_purchase") == "retain-next-purchase"


def test_a_registered_model_is_found(tmp_path):
    folder = tmp_path / "models" / "retain-churn" / "ab12"
    write_model(folder, "churn")
    assert artefacts.folder(tmp_path, "churn", "ab12") == folder
    assert artefacts.versions(tmp_path, "churn") == ["ab12"]


@pytest.mark.parametrize("version", ["cd34", "", "..", "../retain-churn/ab12", "latest"])
def test_what_is_not_a_model_is_not_found(tmp_path, version):
    write_model(tmp_path / "models" / "retain-churn" / "ab12", "churn")
    with pytest.raises(NoModel, match="no model churn"):
        artefacts.folder(tmp_path, "churn", version)


def test_an_empty_store_has_no_versions(tmp_path):
    assert artefacts.versions(tmp_path, "churn") == []
