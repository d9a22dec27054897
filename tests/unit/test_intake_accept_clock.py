"""The accept clock: whom a held report waits for, whether it is urgent, and until when."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from qipan.contracts.level import Level
from qipan.tenancy import District, load_district
from qipan.worktime import Limit
from services.intake.accept_clock import acceptors_of, chosen
from services.intake.desk import Desk
from services.intake.town_policy import ACCEPT_LIMIT, ACCEPT_LIMIT_URGENT, TownPolicy

NIGHT = datetime(2026, 3, 7, 17, tzinfo=UTC)
"""01:00 of a Sunday in Xihu."""


@cache
def xihu() -> District:
    return load_district(Path("districts/xihu"))


def test_reports_are_shared_evenly_and_only_a_leavers_change_hands() -> None:
    acceptors = acceptors_of(xihu(), "sandun")
    assert acceptors == tuple(f"sandun.acceptor.{number}" for number in range(1, 5))
    reports = [f"r-{number}" for number in range(400)]
    before = {report: chosen(report, acceptors) for report in reports}
    assert before == {report: chosen(report, tuple(reversed(acceptors))) for report in reports}
    assert all(count > 60 for count in Counter(before.values()).values())
    after = {report: chosen(report, acceptors[:-1]) for report in reports}
    assert {before[report] for report in reports if before[report] != after[report]} == {acceptors[-1]}
    assert chosen("r-1", ()) is None


def test_a_town_without_acceptors_has_others_also_in_an_exercise() -> None:
    """Who decides is never nobody: the shift leaders, who may, then the district's people."""
    district = xihu()

    def without(*roles: str) -> District:
        return replace(
            district,
            people=tuple(p for p in district.people if p.tenant != "sandun" or not {*roles} & {*p.roles}),
        )

    assert acceptors_of(without("acceptor"), "sandun~ex7") == ("sandun.shift-leader.1~ex7",)
    alone = without("acceptor", "shift-leader")
    theirs = acceptors_of(alone, "sandun")
    assert theirs
    assert all(who.startswith("xihu.dispatcher.") for who in theirs)
    assert acceptors_of(alone, "sandun~ex7") == tuple(f"{who}~ex7" for who in theirs)
    assert acceptors_of(district, "sandun~ex7")[0] == "sandun.acceptor.1~ex7"
    live, shadow = (chosen("r-1", acceptors_of(district, tenant)) for tenant in ("sandun", "sandun~ex7"))
    assert shadow == f"{live}~ex7"


def test_what_is_urgent_by_level_or_words_is_due_earlier_and_round_the_clock() -> None:
    desk = Desk(xihu())
    usual, urgent = timedelta(minutes=30), timedelta(minutes=5)
    assert (str(Limit.parse(ACCEPT_LIMIT)), str(Limit.parse(ACCEPT_LIMIT_URGENT))) == (
        "30 minutes",
        "5 minutes",
    )
    for level, text, expected in (
        (None, "嗯嗯嗯", usual),
        (Level.HIGH, "嗯嗯嗯", usual),
        (Level.URGENT, "嗯嗯嗯", urgent),
        ("urgent", "嗯嗯嗯", urgent),
        (None, "救命啊", urgent),
        (Level.LOW, "The shed is ON FIRE", urgent),
    ):
        clock = desk.accept_clock("sandun", "r-1", level, text, NIGHT)
        assert (clock.due_at - NIGHT, clock.urgent) == (expected, expected is urgent), (level, text)
        assert clock.waits_for == chosen("r-1", acceptors_of(xihu(), "sandun"))


def test_the_pack_says_how_long() -> None:
    class Pack:
        """A district whose packs say nothing else."""

        def setting(self, _tenant: str, key: str, default: object) -> object:
            said: dict[str, object] = {
                "triage.accept-limit": "2 work-hours",
                "triage.accept-limit-urgent": "1 minute",
                "triage.urgent-words": ["Help"],
            }
            return said.get(key, default)

    rules = TownPolicy.of(Pack(), "sandun").accept  # type: ignore[arg-type]
    assert (str(rules.limit_of(False)), str(rules.limit_of(True))) == ("2 work-hours", "1 minutes")
    assert rules.is_urgent(None, "HELP")
    assert not rules.is_urgent(None, "救命")
