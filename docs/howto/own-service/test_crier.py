"""The crier is tested without a broker: it is handed messages."""

from datetime import UTC, datetime
from pathlib import Path

from nameko.testing.services import worker_factory

from qipan.contracts.case import CaseState, Place, Stage
from qipan.contracts.events import CaseFiled
from qipan.hosting.service_class import service_class
from qipan.messaging.received import Received
from qipan.tenancy import load_district

NOON = datetime(2026, 5, 11, 4, tzinfo=UTC)


def test_it_says_what_was_filed(capsys) -> None:
    district = load_district(Path(__file__).parents[3])
    crier = worker_factory(service_class(district, "crier", "wenxin"), district=district)
    case = CaseState(
        case_id="c1",
        report_id="r1",
        tenant="wenxin",
        version=1,
        stage=Stage.OFFERED,
        matter="s:06010",
        place=Place(lon=120.095, lat=30.289),
        summary="",
        channel="app",
        received_at=NOON,
        filed_at=NOON,
    )
    crier.cry(None, [Received(CaseFiled(case=case), "m1", "wenxin", "dispatch", NOON)])
    assert "Exposed rubbish" in capsys.readouterr().out
