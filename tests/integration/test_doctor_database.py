"""What the doctor says of a database that is not there, and of one that is and refuses."""

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from qipan.doctor import examine
from qipan.settings import Settings
from qipan.storage.migrate import migrate
from qipan.storage.provision import provision, service_url
from qipan.testing import Databases

SERVICES = Path(__file__).parents[2] / "services"
SECRET = "of this test"


@pytest.fixture
def admin(database_url: Databases) -> str:
    url = database_url()
    provision(url, SECRET)
    migrate(service_url(url, "steward", SECRET), "steward", SERVICES)
    return url


def said(url: str) -> str:
    found = examine._database(Settings(database_url=url), SECRET, {})
    return " ".join(f"{finding.what.en} → {finding.do.en}" for finding in found)


def test_one_that_lacks_a_table_is_not_told_to_be_gone(admin: str) -> None:
    address = make_url(admin).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as conn:
        conn.execute("DROP TABLE steward.dead_letters CASCADE")
    assert "42P01" in said(admin)
    assert "qipan db migrate" in said(admin)
    assert "database-gone" not in said(admin)


def test_one_that_does_not_answer_is_gone(admin: str) -> None:
    nowhere = make_url(admin).set(port=1).render_as_string(hide_password=False)
    assert "cannot be reached" in said(nowhere)
    assert "database-gone.md" in said(nowhere)
