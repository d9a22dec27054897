"""The league of one period: who competes, what they scored and lost, and how it was the period before."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from qipan.contracts.errors import Fault, Invalid
from qipan.contracts.figures import Placing
from qipan.tenancy import District
from qipan.tenancy.indicators import INDICATORS, REPORT_COUNTERS
from services.analytics import board, explaining, readings
from services.analytics.board import Period
from services.analytics.explaining import Counting, Ledger, Window
from services.analytics.figures import MOST_ROWS, counters_of
from services.analytics.league import Score, ranks, rates, score
from services.analytics.period import Span
from services.analytics.readings import EVERY, Wanted
from services.analytics.states import CASES, REPORTS
from services.analytics.totals import Counts, Cut

TOWNS, DEPARTMENTS = "towns", "departments"
LEAGUES = (TOWNS, DEPARTMENTS)


@dataclass(frozen=True, slots=True)
class Competition:
    """Where a league is held: the district, the tenant addressed (it, or its shadow), now, and the weights."""

    district: District
    tenant: str
    now: Period
    weights: Mapping[str, float]

    def members(self, of: str) -> tuple[str, ...]:
        """Who competes; Invalid says which leagues there are."""
        if of == TOWNS:
            return board.league_of(self.district, self.tenant)
        if of == DEPARTMENTS:
            return tuple(department.id for department in self.district.departments)
        what = f"there is no league of {of!r}"
        raise Invalid(faults=(Fault(where="of", what=what, allowed=", ".join(LEAGUES)),))

    def scores(self, conn: Connection, of: str, span: Span) -> dict[str, Score]:
        """Everybody's score in a period, as of now."""
        counts = self._counts(conn, of, span)
        return {member: score(rates(counts.get(member, {})), self.weights) for member in self.members(of)}

    def places(
        self,
        conn: Connection,
        of: str,
        span: Span,
        previous: Sequence[Placing] | None,
        previous_span: Span,
        only: Callable[[str], bool] = lambda member: True,
        *,
        explain: bool,
    ) -> tuple[Placing, ...]:
        """The table, best first. `previous`: the published table of the period before; without it, as of now."""
        scored = self.scores(conn, of, span)
        wanted = [member for member in scored if explain and only(member)]
        ledgers = self._ledgers(conn, of, wanted, span) if wanted else {}
        before = _placed(self.scores(conn, of, previous_span)) if previous is None else _told(previous)
        return tuple(
            Placing(
                member=member,
                rank=rank,
                score=value,
                before_rank=before.get(member, (None, None))[0],
                before_score=before.get(member, (None, None))[1],
                lines=explaining.explained(scored[member], ledgers.get(member, Ledger())),
            )
            for member, (rank, value) in sorted(_placed(scored).items(), key=_best_first)
            if only(member)
        )

    def _counts(self, conn: Connection, of: str, span: Span) -> dict[str, Counts]:
        wanted = Wanted(EVERY, [(span.since, span.until)], MOST_ROWS)
        if of == TOWNS:
            counted = readings.of_tenants(conn, self.members(of), wanted, self.now, hours=False)
        else:
            covered = board.covered_by(self.district, self.tenant)
            counted = readings.by_member(conn, covered, Cut.DEPARTMENT, wanted, self.now.today)
        sums: dict[str, Counts] = {}
        for member, _, counts in counted:
            into = sums.setdefault(member, {})
            for counter, count in counts.items():
                into[counter] = into.get(counter, 0) + count
        return sums

    def _ledgers(self, conn: Connection, of: str, members: Collection[str], span: Span) -> dict[str, Ledger]:
        """What each of these members' cases and reports contribute; the rows of all are read once."""
        weighed = [one for one in INDICATORS if one.id in self.weights]
        if of == TOWNS:
            window = Window(span.since, span.until, self.now.hour)
            cases = CASES.touching(conn, members, span.since, span.until)
            of_reports = counters_of(weighed) & REPORT_COUNTERS.keys()
            reports = REPORTS.touching(conn, members, span.since, span.until) if of_reports else []
            found: list[tuple[str | None, Counting]] = [(case.tenant, case) for case in cases]
            found += [(report.tenant, report) for report in reports]
        else:
            window = Window(span.since, span.until, self.now.today)
            covered = board.covered_by(self.district, self.tenant)
            theirs = CASES.touching(conn, covered, span.since, span.until, members)
            found = [(one.department, one) for one in theirs]
        things: dict[str | None, list[Counting]] = {}
        for member, one in found:
            things.setdefault(member, []).append(one)
        return {member: explaining.ledger(things.get(member, ()), weighed, window) for member in members}


def _placed(scored: Mapping[str, Score]) -> dict[str, tuple[int | None, float | None]]:
    values = [one.value for one in scored.values()]
    placed = zip(scored, ranks(values), values, strict=True)
    return {member: (rank, value) for member, rank, value in placed}


def _told(places: Sequence[Placing]) -> dict[str, tuple[int | None, float | None]]:
    return {place.member: (place.rank, place.score) for place in places}


def _best_first(item: tuple[str, tuple[int | None, float | None]]) -> tuple[bool, int, str]:
    member, (rank, _) = item
    return rank is None, rank or 0, member
