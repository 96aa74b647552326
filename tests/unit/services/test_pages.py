"""The documentation page: everything it loads is served, and nothing from elsewhere."""

import re

import pytest

from services import pages
from tests.unit.services.fakes import Service


@pytest.fixture
def client():
    with Service().client() as client:
        yield client


def test_the_front_door_leads_to_the_documentation(client) -> None:
    response = client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/docs")


def test_everything_the_page_loads_is_served(client) -> None:
    wanted = re.findall(r'(?:src|href)="\./([^"]+)"', client.get("/docs").text)
    assert len(wanted) == len(pages.ASSETS)
    for path in wanted:
        assert client.get(f"/{path}").status_code == 200, path


def test_the_page_and_its_own_script_load_nothing_from_elsewhere(client) -> None:
    script = client.get("/static_content/swagger-initializer.js").text
    assert "http" not in client.get("/docs").text
    assert 'url: "./docs.json"' in script
    assert "http" not in script


@pytest.mark.parametrize("name", ["index.css", "..%2fapp.py", "x"])
def test_no_other_file_is_served(client, name) -> None:
    assert client.get(f"/static_content/{name}").status_code == 404
