from collections.abc import Iterator

import pytest

from qipan.testing import Databases
from tests.integration.intake_here import build_intake
from tests.integration.open311.endpoint import Endpoint, endpoint


@pytest.fixture
def open311(database_url: Databases) -> Iterator[Endpoint]:
    """An endpoint on a database of its own."""
    with endpoint(database_url(build_intake)) as made:
        yield made
