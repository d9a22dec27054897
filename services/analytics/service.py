"""Analytics' entrypoints: what happened comes in, boards go out."""

from collections.abc import Sequence

from nameko.extensions import DependencyProvider

from qipan.contracts.errors import Invalid
from qipan.contracts.events import CASE_EVENTS, CaseEvent, ReportTriaged
from qipan.contracts.queries import BoardAnswer, GetBoard
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    DistrictProvider,
    Received,
    Work,
    answer,
    consume,
)
from qipan.tenancy import District
from services.analytics import board, readings, store
from services.analytics.facts import CaseFacts, ReportFacts
from services.analytics.league import weights_of

LEAGUE_DAYS = 30


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
    db = DatabaseProvider()
    district: District = DistrictProvider()
    weights: dict[str, float] = WeightsProvider()

    @consume(ReportTriaged, *CASE_EVENTS)
    def count(self, work: Work, batch: Sequence[Received[ReportTriaged | CaseEvent]]) -> None:
        """Take the newest states into the totals."""
        store.apply(work.conn, [_facts(message) for message in batch], self._zone_of)

    @answer(GetBoard)
    def get_board(self, work: Work, call: Received[GetBoard]) -> BoardAnswer:
        """The addressed tenant's board; the district's holds every town."""
        tenant, district = call.tenant, self.district
        zone = self._zone_of(tenant)
        days = district.setting(tenant, "analytics.league-days", LEAGUE_DAYS)
        period = board.Period.until(work.now(tenant), days, zone)
        covered, towns = board.covered_by(district, tenant), board.league_of(district, tenant)
        counts = readings.by_tenant(work.conn, sorted({*towns, *covered}), period)
        table = board.standings(counts, towns, self.weights)
        if len(covered) == 1:
            own = [standing for standing in table if standing.tenant == tenant]
            table = own or [board.unplaced(tenant, counts.get(tenant, {}))]
        return BoardAnswer(
            standings=tuple(table),
            hours=tuple(board.hour_rows(readings.by_hour(work.conn, covered, period), period, zone)),
            totals=readings.ever(work.conn, covered),
        )

    def _zone_of(self, tenant: str) -> str:
        return self.district.tenant(tenant).zone


def _facts(message: Received[ReportTriaged | CaseEvent]) -> CaseFacts | ReportFacts:
    data = message.data
    if isinstance(data, ReportTriaged):
        return ReportFacts.of(message.tenant, data)
    if data.case.tenant != message.tenant:
        raise Invalid(f"A message of {message.tenant!r} cannot speak of a case of {data.case.tenant!r}.")
    return CaseFacts.of(data.case)
