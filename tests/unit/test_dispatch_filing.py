"""Filing a batch: decided together as it would be one by one."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from qipan.contracts.case import Place, Stage
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.tenancy import Book, District, load_district
from qipan.worktime import Limit
from services.dispatch import choosing
from services.dispatch.change import Change
from services.dispatch.clocks import USUAL, Limits
from services.dispatch.filing import Arriving, Rules, case_id_of, file_all, task_id_of
from services.dispatch.grounds import Grounds

NOW = datetime(2026, 3, 9, 4, tzinfo=UTC)
RULES = Rules(choosing.choose, lambda matter, usual: usual)


@cache
def xihu() -> District:
    return load_district(Path(__file__).parents[2] / "districts/xihu")


def arriving(report_id: str, matter: str | None = "s:06010", tenant: str = "sandun") -> Arriving:
    report = ReportTriaged(
        report_id=report_id,
        outcome=Outcome.FILE,
        matter=matter,
        place=Place(lon=120.085, lat=30.325),
        summary="路边垃圾成堆",
        channel="app",
        received_at=NOW,
        triaged_at=NOW,
    )
    return Arriving(tenant, report, "m1", None)


def filed(
    *reports: Arriving, loads: dict[str, dict[str, int]] | None = None, rules: Rules = RULES
) -> list[Change]:
    return file_all(
        reports, Grounds(xihu()).of, {} if loads is None else loads, rules, lambda _: NOW, "dispatch"
    )


def test_a_batch_is_spread_as_the_same_reports_would_be_one_by_one() -> None:
    reports = [arriving(f"r{n}") for n in range(20)]
    loads: dict[str, dict[str, int]] = {}
    one_by_one = [filed(report, loads=loads)[0].after.case.worker for report in reports]
    assert [change.after.case.worker for change in filed(*reports)] == one_by_one
    assert len(set(one_by_one)) == 8


def test_a_case_keeps_the_matters_limits() -> None:
    [change] = filed(arriving("r1"))
    matter = xihu().matters_of("sandun")["s:06010"]
    limits = change.after.limits
    assert (limits.accept, limits.dispose, limits.inspect) == (
        matter.limits.accept,
        matter.limits.dispose,
        matter.limits.inspect,
    )
    assert Limits.from_plain(limits.plain()) == limits


def test_limits_stored_before_a_clock_was_known_are_read_with_the_usual_one() -> None:
    stored = {name: limit for name, limit in USUAL.plain().items() if name != "close"}
    assert Limits.from_plain({**stored, "no-such-clock": (1, "urgent-hour")}) == USUAL


def test_a_towns_rules_are_asked() -> None:
    hour = Limit.parse("1 hour")
    rules = Rules(lambda situation: None, lambda matter, usual: Limits(hour, hour, hour, hour, hour))
    [change] = filed(arriving("r1"), rules=rules)
    assert change.after.case.stage is Stage.FILED
    assert change.after.limits.dispose == hour
    assert "a dispatcher decides" in change.detail["why"]


def test_a_matter_that_the_town_does_not_know_waits_for_a_dispatcher() -> None:
    [change] = filed(arriving("r1", matter="s:99999"))
    assert (change.after.case.stage, change.after.case.unit) == (Stage.FILED, None)
    assert "no matter of this town" in change.detail["why"]


def test_ids_are_the_same_every_time_and_of_one_tenant() -> None:
    assert case_id_of("sandun", "r1") == case_id_of("sandun", "r1") != case_id_of("sandun~ex7", "r1")
    assert len({task_id_of("c1", n) for n in range(5)}) == 5
    with pytest.raises(ValueError, match="without a matter"):
        filed(arriving("r1", matter=None))


def burst(report_id: str) -> Arriving:
    return arriving(report_id, matter="x-xihu:em:00001")


def test_a_card_sends_its_support_along_and_the_batch_is_spread_over_them() -> None:
    """Two bursts at once: the second one's support goes to whoever the first one's left free."""
    loads: dict[str, dict[str, int]] = {}
    first, second, plain = filed(burst("r1"), burst("r2"), arriving("r3"), loads=loads)
    assert (plain.parts.card, plain.parts.asked) == ("", ())
    workers = []
    for change in (first, second):
        assert change.parts.card == "burst-main"
        [part] = change.parts.asked
        assert (part.unit.id, change.after.case.unit) == ("sandun/traffic", "sandun/water")
        assert "run card “burst-main”" in part.why
        assert "under mandate" in part.why
        workers.append(part.worker)
    assert len(set(workers)) == 2
    assert sum(loads["sandun"].values()) == 5


def test_whom_a_card_means_and_the_town_may_not_command_is_said_and_not_asked() -> None:
    ground = Grounds(xihu()).of("sandun")
    book = Book([m for m in ground.book.mandates if m.department != "traffic-police"], ground.book.own)
    [change] = file_all([burst("r1")], lambda _: replace(ground, book=book), {}, RULES, lambda _: NOW, "d")
    assert change.after.case.unit == "sandun/water"
    assert change.parts.asked == ()
    assert change.parts.lacking == (
        "traffic-police: sandun/traffic may not be commanded here: traffic-police has granted no mandate here",
    )
