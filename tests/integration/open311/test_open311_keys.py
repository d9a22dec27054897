"""Open311: API keys: whose they are, and that no table holds one."""

import pytest

from qipan.contracts.commands import IssueApiKey
from qipan.contracts.errors import Invalid, NotFound
from services.intake.open311 import keys
from tests.integration.intake_here import xihu
from tests.integration.open311.endpoint import (
    Endpoint,
)


class TestKeys:
    def test_the_table_holds_no_key(self, open311: Endpoint) -> None:
        open311.posted()
        secret = open311.key.partition(".")[2]
        rows = [
            str(row)
            for table in ("api_keys", "reports", "open311_requests")
            for row in open311.here.rows(table)
        ]
        assert rows
        assert not any(secret in row for row in rows)
        assert not any(secret in str(said) for said in open311.here.said())

    def test_a_key_is_a_towns_or_the_districts(self, open311: Endpoint) -> None:
        with open311.here.database.begin() as work, pytest.raises(Invalid) as refused:
            keys.issue(work, xihu(), "traffic-police", IssueApiKey(client="A b", digest="short"), "operator")
        assert [fault.where for fault in refused.value.faults] == ["tenant", "client", "digest"]

    def test_they_are_listed_in_pages_and_revoked_once(self, open311: Endpoint) -> None:
        _, key_id = open311.issue("sandun", "second")
        with open311.here.database.begin() as work:
            first = keys.page(work, "sandun", None, 1)
            assert first.next is not None
            assert [key.client for key in keys.page(work, "sandun", first.next, 10).keys] == ["second"]
            closed = keys.revoke(work, "sandun", key_id, "operator")
            assert (
                keys.revoke(work, "sandun", key_id, "somebody").revoked_by == closed.revoked_by == "operator"
            )
            with pytest.raises(NotFound):
                keys.revoke(work, "liuxia", key_id, "operator")
