"""Who is asked: by department, place and load; the same every time."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from qipan.contracts.case import Place
from qipan.contracts.events import Outcome, ReportTriaged
from qipan.tenancy import Matter, Severity, Unit, Words
from qipan.tenancy.matter import Limits as MatterLimits
from qipan.worktime import Limit
from services.dispatch.choosing import Situation, Squad, choose

NOW = datetime(2026, 5, 11, 4, tzinfo=UTC)
HOUR = Limit.parse("1 hour")
RUBBISH = Matter(
    code="s:06010",
    name=Words("暴露垃圾", "Exposed rubbish"),
    department="sanitation",
    limits=MatterLimits(HOUR, HOUR, HOUR),
    severity=Severity.NORMAL,
    self_disposable=False,
    keywords_zh=(),
    keywords_en=(),
    source="",
)


def squad(
    id: str,
    *workers: str,
    department: str = "sanitation",
    cells: tuple[str, ...] = (),
    matters: tuple[str, ...] = (),
    own: dict[str, str] | None = None,
) -> Squad:
    """A squad; `own` gives some of its workers a cell of their own."""
    unit = Unit(
        id=f"sandun/{id}",
        name=Words(id, id),
        town="sandun",
        tenant="sandun",
        department=department,
        handlers=workers,
        cells=frozenset(cells),
        matters=frozenset(matters),
    )
    people = tuple((w, frozenset({own[w]}) if own and w in own else frozenset()) for w in workers)
    return Squad(unit, people)


def situation(*squads: Squad, loads: dict[str, int] | None = None, cell: str | None = "c1") -> Situation:
    report = ReportTriaged(
        report_id="r1",
        outcome=Outcome.FILE,
        matter=RUBBISH.code,
        place=Place(lon=120.0, lat=30.0, cells={"duty": cell} if cell else {}),
        summary="",
        channel="app",
        received_at=NOW,
        triaged_at=NOW,
    )
    return Situation("sandun", report, RUBBISH, squads, loads or {}, NOW)


def test_the_matters_department_is_asked() -> None:
    choice = choose(situation(squad("order", "o1", department="urban-management"), squad("sweep", "s1")))
    assert choice is not None
    assert (choice.unit.id, choice.worker) == ("sandun/sweep", "s1")
    assert "s:06010" in choice.reasons[0]


def test_nobody_is_asked_when_nobody_handles_it_here() -> None:
    assert choose(situation(squad("order", "o1", department="urban-management"))) is None
    assert choose(situation(squad("sweep", "s1", cells=("c2",)))) is None


def test_a_unit_that_names_the_matter_comes_before_its_departments_general_one() -> None:
    named = squad("special", "x1", department="emergency", matters=("s:06010",))
    choice = choose(situation(squad("sweep", "s1"), named))
    assert choice is not None
    assert choice.unit.id == "sandun/special"


def test_the_unit_with_the_smaller_area_comes_first() -> None:
    choice = choose(situation(squad("all", "a1"), squad("here", "h1", cells=("c1", "c2"))))
    assert choice is not None
    assert choice.unit.id == "sandun/here"


def test_a_place_outside_every_duty_cell_is_everybodys() -> None:
    assert choose(situation(squad("sweep", "s1", cells=("c2",)), cell=None)) is not None


def test_whoever_answers_for_the_cell_comes_before_the_less_busy() -> None:
    choice = choose(situation(squad("sweep", "s1", "s2", own={"s2": "c1"}), loads={"s2": 9}))
    assert choice is not None
    assert choice.worker == "s2"
    assert "9 open" in choice.reasons[1]


def test_a_unit_without_people_is_asked_as_a_whole() -> None:
    choice = choose(situation(squad("sweep")))
    assert choice is not None
    assert choice.worker is None


@given(
    st.dictionaries(st.sampled_from([f"s{n}" for n in range(8)]), st.integers(0, 50)),
    st.permutations(range(8)),
)
def test_the_least_busy_is_asked_whatever_the_order(loads: dict[str, int], order: list[int]) -> None:
    workers = [f"s{n}" for n in order]
    choice = choose(situation(squad("sweep", *workers), loads=loads))
    assert choice is not None
    least = min(loads.get(w, 0) for w in workers)
    assert choice.worker == min(w for w in workers if loads.get(w, 0) == least)
