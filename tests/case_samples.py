"""Cases for tests: one with sensible values everywhere, and Hypothesis strategies for whole lives."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from qipan.contracts import events
from qipan.contracts.case import CaseState, Counters, Place, Stage
from qipan.contracts.events import Outcome, ReportTriaged

MORNING = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
"""Eight o'clock of a Monday in Hangzhou."""

EVENT_OF = {
    Stage.FILED: events.CaseFiled,
    Stage.OFFERED: events.CaseDispatched,
    Stage.ACCEPTED: events.CaseAccepted,
    Stage.RETURNED: events.CaseReturned,
    Stage.DISPOSED: events.CaseDisposed,
    Stage.INSPECTED: events.CaseInspected,
    Stage.REWORK: events.CaseReworked,
    Stage.CLOSED: events.CaseClosed,
    Stage.VOIDED: events.CaseVoided,
}


def case(case_id: str = "c-1", **changes: Any) -> CaseState:
    """A case of Sandun in the offered stage, with changes."""
    state = CaseState(
        case_id=case_id,
        report_id=f"report of {case_id}",
        tenant="sandun",
        version=1,
        stage=Stage.OFFERED,
        matter="s:06010",
        place=Place(lon=120.085, lat=30.325, cells={"duty": "330106109001001"}, address="Zhenhua Road 1"),
        summary="rubbish",
        channel="app",
        received_at=MORNING,
        filed_at=MORNING,
        due_at=MORNING + timedelta(hours=1),
        dispose_due_at=MORNING + timedelta(hours=4),
        department="urban-management",
        unit="sandun/sweep",
        worker="sandun.sweep.1",
    )
    return CaseState.model_validate({**state.model_dump(), **changes})


def triaged(report_id: str = "r-1", outcome: Outcome = Outcome.FILE, **changes: Any) -> ReportTriaged:
    """A triaged report, with changes."""
    report = ReportTriaged(
        report_id=report_id,
        outcome=outcome,
        matter="s:06010",
        place=Place(lon=120.085, lat=30.325, cells={"duty": "330106109001001"}),
        summary="rubbish",
        channel="app",
        received_at=MORNING,
        triaged_at=MORNING + timedelta(minutes=1),
    )
    return ReportTriaged.model_validate({**report.model_dump(), **changes})


_instants = st.integers(0, 3 * 24 * 60).map(lambda minutes: MORNING + timedelta(minutes=minutes))
_small = st.integers(0, 3)


@st.composite
def lives(draw: st.DrawFn, max_size: int = 6) -> list[CaseState]:
    """The versions of one case's life, in order. Anything may change on the way: rules do not matter here."""
    case_id, tenant = draw(st.sampled_from(["a", "b", "c"])), draw(st.sampled_from(["sandun", "wenxin"]))
    filed_at = draw(_instants)
    versions = []
    for version in range(1, draw(st.integers(1, max_size)) + 1):
        stage = draw(st.sampled_from(Stage))
        over = stage in (Stage.CLOSED, Stage.VOIDED)
        versions.append(
            case(
                case_id,
                tenant=tenant,
                version=version,
                stage=stage,
                filed_at=filed_at,
                matter=draw(st.sampled_from(["s:06010", "s:09009"])),
                channel=draw(st.sampled_from(["app", "sensor"])),
                department=draw(st.sampled_from([None, "urban-management", "police"])),
                dispose_due_at=draw(st.none() | _instants),
                disposed_at=draw(st.none() | _instants),
                closed_at=draw(_instants) if over else None,
                rating=draw(st.none() | st.integers(1, 5)) if stage is Stage.CLOSED else None,
                counters=Counters(
                    offers=draw(_small),
                    returns=draw(_small),
                    reworks=draw(_small),
                    extensions=draw(_small),
                ),
            )
        )
    return versions
