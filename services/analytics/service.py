"""Analytics' entrypoints: what happened comes in, boards go out."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from nameko.extensions import DependencyProvider

from qipan.contracts.errors import Conflict, Fault, Invalid, NotFound
from qipan.contracts.events import CASE_EVENTS, CaseEvent, ReportTriaged
from qipan.contracts.figures import (
    CorrectLeague,
    Declarations,
    DoneList,
    ExplainScore,
    Figures,
    GetFigures,
    GetHotspots,
    GetLeague,
    GetWarnings,
    Hotspots,
    League,
    ListDone,
    ListIndicators,
    Placing,
    PublishLeague,
    Revision,
    Warnings,
)
from qipan.contracts.queries import BoardAnswer, GetBoard
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    DistrictProvider,
    Received,
    Work,
    answer,
    aside,
    background,
    consume,
)
from qipan.observability import metrics
from qipan.tenancy import District, TenantKind
from services.analytics import board, figures, partitions, period, published, readings, seeing, store
from services.analytics.competing import Competition
from services.analytics.facts import CaseFacts, ReportFacts
from services.analytics.league import rates, weights_of

LEAGUE_DAYS = 30

SHOWN_EVERY = 30.0
"""Seconds between two readings of the indicators for Prometheus."""

PUBLIC_DONE = "analytics.public-done"
"""The setting that shows what was said and done to everybody: whole texts that nobody looked at before."""

NOT_CITIZENS = ("grid", "sensor", "import", "grid-import")
"""Channels of reports by staff, devices and files, which are no words of citizens."""

SHOWN_FOR = timedelta(days=180)


class WeightsProvider(DependencyProvider):
    """Injects the league's weights; they are read once, when the process starts."""

    def setup(self) -> None:
        self.weights = weights_of(self.container.config[PROCESS].district)

    def get_dependency(self, worker_ctx: object) -> dict[str, float]:
        return self.weights


class Analytics:
    """Counts what happened, once, and says how everybody does."""

    name = "analytics"
    tenant: str | None = None
    unhurried = True
    db = DatabaseProvider()
    district: District = DistrictProvider()
    weights: dict[str, float] = WeightsProvider()

    @consume(ReportTriaged, *CASE_EVENTS)
    def count(self, work: Work, batch: Sequence[Received[ReportTriaged | CaseEvent]]) -> None:
        """Take the newest states into the totals."""
        store.apply(work.conn, [self._facts(message) for message in batch], self._zone_of)

    @background(every=SHOWN_EVERY)
    def show_indicators(self) -> None:
        """Keep the indicators of every live tenant in the figures for Prometheus."""
        with self.db.begin() as work:
            district, tenants = self.district, [self.tenant] if self.tenant else [*self.district.tenants]
            days = district.setting(district.id, "analytics.league-days", LEAGUE_DAYS)
            lately = board.Period.until(work.now(district.id), days, district.zone)
            counts = readings.by_tenant(work.conn, tenants, lately)
        metrics.show_indicators({tenant: rates(counts.get(tenant, {})) for tenant in tenants})

    @background(every=partitions.EVERY)
    def keep_months(self) -> None:
        """Make the totals' months ahead by every clock; a tenant's role makes no tables, the core's does."""
        if self.tenant is None:
            clocks, tenants = self.db.clocks, self.district.tenants
            partitions.keep(self.db, {clocks.now(tenant) for tenant in (*tenants, *clocks.special)})

    @answer(GetBoard)
    def get_board(self, work: Work, call: Received[GetBoard]) -> BoardAnswer:
        """The addressed tenant's board; the district's holds every town."""
        tenant, district, zone = call.tenant, self.district, self._zone_of(call.tenant)
        readings.plan_once(work.conn)
        days = district.setting(tenant, "analytics.league-days", LEAGUE_DAYS)
        lately = board.Period.until(work.now(tenant), days, zone)
        covered, towns = board.covered_by(district, tenant), board.league_of(district, tenant)
        counts = readings.by_tenant(work.conn, sorted({*towns, *covered}), lately)
        table = board.standings(counts, towns, self.weights)
        if len(covered) == 1:
            own = [standing for standing in table if standing.tenant == tenant]
            table = own or [board.unplaced(tenant, counts.get(tenant, {}))]
        return BoardAnswer(
            standings=tuple(table),
            hours=tuple(board.hour_rows(readings.by_hour(work.conn, covered, lately), lately, zone)),
            totals=readings.ever(work.conn, covered),
            load=tuple(readings.load(work.conn, covered)),
        )

    @answer(ListIndicators)
    def list_indicators(self, work: Work, call: Received[ListIndicators]) -> Declarations:
        """What can be asked for."""
        return Declarations(indicators=figures.declared(self.district.indicators_of(call.tenant)))

    @answer(GetFigures)
    def get_figures(self, work: Work, call: Received[GetFigures]) -> Figures:
        """Indicators by period and member."""
        asked, tenant, zone = call.data, call.tenant, self._zone_of(call.tenant)
        indicators = figures.chosen(asked.indicators, self.district.indicators_of(tenant))
        now = self._today(work, tenant)
        cut = figures.cut_by(asked.by, asked.every)
        span = period.span_of(asked.period, work.now(tenant), zone)
        parts = period.cut(span, asked.every, zone)
        counters = readings.EVERY if asked.counts else figures.counters_of(indicators)
        wanted = readings.Wanted(counters, parts, figures.MOST_ROWS)
        covered = board.covered_by(self.district, tenant)
        if cut is None:
            hours = asked.every == "hour"
            counted = readings.of_tenants(work.conn, covered, wanted, now, hours=hours)
        else:
            counted = readings.by_member(work.conn, covered, cut, wanted, now.today)
        return Figures(
            by=asked.by,
            period=span.name,
            every=asked.every,
            since=span.since,
            until=span.until,
            rows=figures.rows(counted, parts, indicators, counts_too=asked.counts),
        )

    @answer(GetLeague)
    def get_league(self, work: Work, call: Received[GetLeague]) -> League:
        """The table of a period: as published, or as of now."""
        asked = call.data
        self._of_district(call.tenant)
        span = period.span_of(asked.period, work.now(call.tenant), self._zone_of(call.tenant))
        revisions = published.of_period(work.conn, call.tenant, asked.of, span)
        if revisions and not asked.live:
            return _frozen(asked.of, span, revisions, asked.revision)
        if asked.revision is not None:
            raise NotFound("That table was not published.")
        places = self._places(work, call.tenant, asked.of, span, explain=False)
        return _league(asked.of, span, places, ())

    @answer(ExplainScore)
    def explain_score(self, work: Work, call: Received[ExplainScore]) -> Placing:
        """Why somebody has their score, as of now."""
        asked, tenant = call.data, call.tenant
        self._of_district(tenant)
        span = period.span_of(asked.period, work.now(tenant), self._zone_of(tenant))
        members = self._competition(work, tenant).members(asked.of)
        if asked.member not in members:
            what = f"{asked.member!r} does not compete among the {asked.of}"
            raise Invalid(faults=(Fault(where="member", what=what, allowed=", ".join(members)),))
        only = asked.member.__eq__
        return self._places(work, tenant, asked.of, span, explain=True, only=only)[0]

    @answer(PublishLeague)
    def publish_league(self, work: Work, call: Received[PublishLeague]) -> League:
        """Freeze the table of a period that is over."""
        asked, tenant, now = call.data, call.tenant, work.now(call.tenant)
        self._of_district(tenant)
        span = period.span_of(asked.period, now, self._zone_of(tenant))
        published.lock(work.conn, tenant, asked.of)
        if published.of_period(work.conn, tenant, asked.of, span):
            raise Conflict("This table is published already; it can only be corrected.")
        if not period.over(span, now):
            what = f"{span.name} is not over until {span.until.isoformat()}"
            raise Invalid(faults=(Fault(where="period", what=what, allowed="a period that is over"),))
        places = self._places(work, tenant, asked.of, span, explain=True)
        kept = published.keep(work.conn, tenant, asked.of, span, places, 1, now, call.grant.sub)
        return _league(asked.of, span, places, (kept.revision,))

    @answer(CorrectLeague)
    def correct_league(self, work: Work, call: Received[CorrectLeague]) -> League:
        """Count a published table again; what it was stays."""
        asked, tenant, now = call.data, call.tenant, work.now(call.tenant)
        self._of_district(tenant)
        span = period.span_of(asked.period, now, self._zone_of(tenant))
        published.lock(work.conn, tenant, asked.of)
        revisions = published.of_period(work.conn, tenant, asked.of, span)
        if not revisions:
            raise NotFound("That table was not published; there is nothing to correct.")
        places = self._places(work, tenant, asked.of, span, explain=True)
        number = revisions[-1].revision.number + 1
        kept = published.keep(
            work.conn, tenant, asked.of, span, places, number, now, call.grant.sub, asked.reason.strip()
        )
        return _league(asked.of, span, places, (*(one.revision for one in revisions), kept.revision))

    @answer(GetHotspots)
    def get_hotspots(self, work: Work, call: Received[GetHotspots]) -> Hotspots:
        """Where it happens."""
        asked, tenant = call.data, call.tenant
        span = period.span_of(asked.period, work.now(tenant), self._zone_of(tenant))
        covered = board.covered_by(self.district, tenant)
        return aside(seeing.hotspots(work.conn, covered, span, asked.metres, asked.at_least))

    @answer(GetWarnings)
    def get_warnings(self, work: Work, call: Received[GetWarnings]) -> Warnings:
        """More than the season explains."""
        tenant, zone = call.tenant, self._zone_of(call.tenant)
        covered, now = board.covered_by(self.district, tenant), self._today(work, tenant)
        return Warnings(surges=aside(seeing.warnings(work.conn, covered, now, call.data.days, zone)))

    @answer(ListDone)
    def list_done(self, work: Work, call: Received[ListDone]) -> DoneList:
        """你说我办: of the tenants that show it."""
        shown = [
            tenant
            for tenant in board.covered_by(self.district, call.tenant)
            if self.district.setting(tenant, PUBLIC_DONE, False)
        ]
        since = work.now(call.tenant) - SHOWN_FOR
        return DoneList(done=readings.done(work.conn, shown, since, NOT_CITIZENS, call.data.limit))

    def _places(
        self,
        work: Work,
        tenant: str,
        of: str,
        span: period.Span,
        *,
        explain: bool,
        only: Callable[[str], bool] = lambda member: True,
    ) -> tuple[Placing, ...]:
        earlier = period.before(span, self._zone_of(tenant))
        competition = self._competition(work, tenant)
        competition.members(of)
        told = published.of_period(work.conn, tenant, of, earlier)
        previous = told[-1].places if told else None
        return competition.places(work.conn, of, span, previous, earlier, only, explain=explain)

    def _competition(self, work: Work, tenant: str) -> Competition:
        return Competition(self.district, tenant, self._today(work, tenant), self.weights)

    def _today(self, work: Work, tenant: str) -> board.Period:
        return board.Period.until(work.now(tenant), 1, self._zone_of(tenant))

    def _of_district(self, tenant: str) -> None:
        """A town sees only its own rows, where it has a service of its own: its league would be another one."""
        if self.district.tenant(tenant).kind is not TenantKind.DISTRICT:
            allowed = f"{self.district.id}, or its shadow in an exercise"
            fault = Fault(where="tenant", what="holds no league", allowed=allowed)
            raise Invalid(faults=(fault,))

    def _zone_of(self, tenant: str) -> str:
        return self.district.tenant(tenant).zone

    def _facts(self, message: Received[ReportTriaged | CaseEvent]) -> CaseFacts | ReportFacts:
        data, tenant = message.data, message.tenant
        if isinstance(data, ReportTriaged):
            return ReportFacts.of(tenant, data)
        if data.case.tenant != tenant:
            raise Invalid(f"A message of {tenant!r} cannot speak of a case of {data.case.tenant!r}.")
        return CaseFacts.of(data.case, self.district.calendar(tenant))


def _frozen(
    of: str, span: period.Span, revisions: Sequence[published.Published], number: int | None
) -> League:
    known = {one.revision.number: one for one in revisions}
    wanted = known.get(number or revisions[-1].revision.number)
    if wanted is None:
        raise NotFound(f"There is no revision {number}; the last one is {revisions[-1].revision.number}.")
    told = tuple(one.revision for one in revisions if one.revision.number <= wanted.revision.number)
    return _league(of, span, wanted.places, told)


def _league(
    of: str, span: period.Span, places: tuple[Placing, ...], revisions: tuple[Revision, ...]
) -> League:
    return League(
        of=of,
        period=span.name,
        since=span.since,
        until=span.until,
        published=bool(revisions),
        places=places,
        revisions=revisions,
    )
