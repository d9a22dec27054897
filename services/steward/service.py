"""The steward's entrypoints: instances arrive and leave; rounds are made; dead letters are taken in."""

from nameko.extensions import DependencyProvider

from qipan.contracts.commands import Arrive, Done, Lease, Leave
from qipan.contracts.errors import Unavailable
from qipan.contracts.queries import Serving, Who, WhoAnswer
from qipan.messaging.dead import DeadLetters
from qipan.messaging.process import Process
from qipan.messaging.service import (
    PROCESS,
    DatabaseProvider,
    ProcessProvider,
    Received,
    Work,
    answer,
    background,
)
from qipan.messaging.wire import BROKER_GONE
from services.steward import store
from services.steward.census import count
from services.steward.desk import Desk


class DeskProvider(DependencyProvider):
    """Injects the `Desk`."""

    def setup(self) -> None:
        process: Process = self.container.config[PROCESS]
        self.desk = Desk.of(process)

    def stop(self) -> None:
        self.desk.close()

    def get_dependency(self, worker_ctx: object) -> Desk:
        return self.desk


class Steward:
    """Gives tenants their queues, takes them back, and keeps the dead letters."""

    name = "steward"
    tenant: str | None = None
    db = DatabaseProvider()
    process = ProcessProvider()
    desk = DeskProvider()

    @answer(Arrive)
    def arrive(self, work: Work, call: Received[Arrive]) -> Lease:
        """An instance begins or goes on to serve its tenant."""
        try:
            return self.desk.stewardship.arrive(work.conn, call.tenant, call.data)
        except BROKER_GONE as error:
            raise Unavailable("The broker did not let the queues be declared; ask again.") from error

    @answer(Leave)
    def leave(self, work: Work, call: Received[Leave]) -> Done:
        """An instance stops taking new traffic, or has finished."""
        leave = call.data
        step = self.desk.stewardship.unbind if leave.phase == "unbind" else self.desk.stewardship.gone
        try:
            step(work.conn, call.tenant, leave.serves, leave.instance)
        except BROKER_GONE as error:
            raise Unavailable("The broker did not let the queues be unbound; ask again.") from error
        return Done()

    @answer(Who)
    def who(self, work: Work, call: Received[Who]) -> WhoAnswer:
        """Everyone who serves on a lease; the core serves everyone else."""
        return WhoAnswer(
            serving=tuple(
                Serving(
                    service=holder.service,
                    tenant=holder.tenant,
                    instance=holder.instance,
                    since=holder.since,
                    until=holder.until,
                )
                for holder in store.holders(work.conn)
                if not holder.leaving
            )
        )

    @background(every=0.5)
    def go_round(self) -> None:
        """Take back what nobody serves any more."""
        self.desk.go_round()

    @background(every=0.5)
    def collect_dead_letters(self) -> None:
        """Keep what the broker holds of them."""
        self.desk.collect(DeadLetters(self.db))

    @background(every=5)
    def count(self) -> None:
        """Bring the figures up to date that only the steward's tables know. Every replica tells the same."""
        count(self.db, self.process.district.services)

    @background(every=60)
    def forget(self) -> None:
        """Drop answers (renewals are many, nobody asks for one's answer again) and letters settled long ago."""
        with self.db.begin() as work:
            store.forget_answers(work.conn)
        DeadLetters(self.db).forget_settled()
