"""What tests over HTTP begin with: the real application over stand-ins."""

from collections.abc import Iterator

import pytest

from tests.unit.services.fakes import Client, Service


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with service.client() as client:
        yield client
