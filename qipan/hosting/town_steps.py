"""The steps in which a town comes and goes. Each says what it did, and does nothing where that is done already.

Whoever is interrupted runs the same command again: steps that were made are made again to no effect, and the others
follow.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qipan.hosting.control import Ask, ask
from qipan.hosting.credentials import Credentials
from qipan.hosting.prepare import broker_plan, provision_broker, provision_database
from qipan.hosting.secret_files import ADMINISTRATOR
from qipan.hosting.servers import NotRunning, Servers, known_broker, known_database
from qipan.hosting.town_standing import Standing, TownRows
from qipan.messaging.definitions import AddedService, Plan
from qipan.messaging.withdraw import StillUsed, queues_of, withdraw_queues, withdraw_user
from qipan.settings import Settings
from qipan.storage.provision import withdraw_tenant
from qipan.tenancy import Clocks, load_district
from qipan.tenancy.pack_change import PackChange, finish
from qipan.tenancy.town_desk import Archive, TownDesk, TownRefused

Found = TypeVar("Found")

WAIT_SECONDS = 90.0
"""How long what goes by itself may take: a queue is given up a minute after the last who served it."""

LOOK_SECONDS = 0.5

RESTART = (
    "Processes read the pack when they start, so none that runs elsewhere knows yet: start the core's and the gateway "
    "again (`qipan reload`, or `docker compose restart`)."
)


@dataclass(frozen=True)
class Step:
    """One step: what it is about, and the doing, which returns what it did."""

    name: str
    do: Callable[[], str]


def run(steps: Sequence[Step], say: Callable[[str], None]) -> None:
    """Do them in order; `say` hears of each. What one raises goes up: the same steps may be run again."""
    for number, step in enumerate(steps, 1):
        say(f"{number}/{len(steps)} {step.name}: {step.do()}")


@dataclass(frozen=True)
class Place:
    """Where it happens: the settings, and the servers, when any are known."""

    settings: Settings
    servers: Servers | None

    @classmethod
    def of(cls, settings: Settings) -> "Place":
        """From the settings, or from what runs in `var`."""
        try:
            broker, management = known_broker(settings)
            return cls(settings, Servers(broker, management, known_database(settings)))
        except NotRunning:
            return cls(settings, None)

    @property
    def clocks(self) -> Clocks:
        """The tenants' clocks."""
        return Clocks.from_json(self.settings.clocks)

    def desk(self) -> TownDesk:
        """The pack's desk, with the pack as it is now."""
        return TownDesk(self.settings.district, self.clocks)

    def credentials(self) -> Credentials:
        """The installation's."""
        return Credentials.kept_in(self.settings.var)


def adding(
    place: Place, town: str, change: Callable[[TownDesk], PackChange], archive: Archive | None
) -> tuple[Step, ...]:
    """The steps in which a town comes. `change` is what its pack is made of, asked for when the pack has it not yet."""
    return (
        Step("pack", lambda: _into_pack(place, town, change)),
        Step("database", lambda: _into_database(place)),
        Step("broker", lambda: _onto_broker(place)),
        *([Step("clocks", lambda: _timers_back(place, archive))] if archive is not None else []),
        Step("processes", lambda: _reload(place)),
    )


def removing(place: Place, town: str, to: str, archive: Path, *, anyway: bool) -> tuple[Step, ...]:
    """The steps in which a town leaves; NotRunning when its servers are not known.

    `anyway`: what is open goes into the archive and stays as it is in the tables.
    """
    if place.servers is None:
        raise NotRunning(
            "A town is removed where broker and database can be asked what it has left: start `qipan up`, or set "
            "QIPAN_AMQP_URL and QIPAN_DATABASE_URL."
        )
    finish(place.settings.district)
    rows = TownRows(place.servers, place.credentials(), town)
    there = any(each.id == town for each in load_district(place.settings.district).towns)
    if not there and not archive.exists():
        raise TownRefused(f"There is no town {town!r} in the pack, and no archive of it at {archive}.")
    if archive.exists() and Archive(archive).town != town:
        raise TownRefused(f"{archive} is another town's: name another file with --archive.")
    plan = _plan_with(place, town, archive)
    before = (
        Step("what is open", lambda: _settled(rows, town, anyway)),
        Step("own services", lambda: _retire(place, rows, town)),
        Step("archive", lambda: _keep(place, rows, town, to, archive)),
        Step("pack", lambda: _out_of_pack(place, town, to)),
    )
    return (
        *(before if there else ()),
        Step("processes", lambda: _reload(place)),
        Step("clocks", lambda: f"{rows.forget_timers()} taken out; the archive has them"),
        Step("broker", lambda: _off_broker(place, plan, town, archive)),
        Step("database", lambda: _out_of_database(place, town)),
        Step("looked again", lambda: _nothing_came(rows, town, archive, anyway)),
    )


def _into_pack(place: Place, town: str, change: Callable[[TownDesk], PackChange]) -> str:
    desk = place.desk()
    if desk.has(town):
        return f"has {town} already"
    if town in (place.settings.core_user, ADMINISTRATOR):
        raise TownRefused(
            f"No town may be called {town!r}: that is a user with rights of its own on the broker."
        )
    wanted = change(desk)
    desk.make(wanted)
    return f"{len(wanted.files)} files written; the whole pack was read with them first"


def _into_database(place: Place) -> str:
    if place.servers is None:
        return "none is known here: `qipan up`, or `qipan db provision`, makes the roles"
    district = load_district(place.settings.district)
    provision_database(place.servers.database_url, place.credentials().secret, district)
    return "its roles see its rows, and no other town's"


def _onto_broker(place: Place) -> str:
    if place.servers is None:
        return "none is known here: `qipan up`, or `qipan broker provision`, makes users and rights"
    servers, core = place.servers, place.settings.core_user
    district = load_district(place.settings.district)
    provision_broker(
        district, servers.amqp_url, servers.amqp_management_url, place.credentials().secret, core
    )
    return "user, rights and queues are in place"


def _timers_back(place: Place, archive: Archive) -> str:
    if place.servers is None:
        return "no database is known here: run this again where one is"
    rows = TownRows(place.servers, place.credentials(), archive.town)
    return f"{rows.bring_timers(archive.index.get('timers', {}))} brought back"


def _reload(place: Place) -> str:
    try:
        return ask(place.settings.var, Ask(do="reload")).text
    except NotRunning:
        return RESTART


def _settled(rows: TownRows, town: str, anyway: bool) -> str:
    standing = _once_sent(rows)
    if said := standing.said(standing.passing):
        raise TownRefused(
            f"{town} has {said} after {WAIT_SECONDS:.0f} s. See why they do not go: `qipan ps`, `qipan doctor`."
        )
    said = standing.said(standing.lasting)
    if said and not anyway:
        raise TownRefused(
            f"{town} has {said}. Close or void the cases, withdraw those handed over, decide the reports, see to the "
            "letters (`qipan dead list`, redrive or discard); or name --archive FILE: then all that goes into the "
            "file and stays as it is in the tables, and nobody sees to it until the town comes back."
        )
    return f"{said}: goes into the archive" if said else "nothing"


def _once_sent(rows: TownRows) -> Standing:
    for standing in _looks(rows.standing):
        if not any(standing.passing.values()):
            break
    return standing


def _retire(place: Place, rows: TownRows, town: str) -> str:
    own = [spec.service for spec in load_district(place.settings.district).services if spec.tenant == town]
    for service in dict.fromkeys([*own, *rows.takeovers()]):
        try:
            ask(place.settings.var, Ask(do="retire", service=service, tenant=town))
        except NotRunning:
            break
    for left in _looks(rows.takeovers):
        if not left:
            return f"{', '.join(own)} ended; the core serves" if own else "none"
    raise TownRefused(
        f"{', '.join(f'{service}@{town}' for service in left)} still serves, or the steward is away: end it where it "
        "runs (`docker compose rm --stop --force`), then repeat this."
    )


def _keep(place: Place, rows: TownRows, town: str, to: str, archive: Path) -> str:
    desk = place.desk()
    desk.remove(town, to)  # what the pack would not stand is said before a file is written
    desk.archive(town, archive, rows.kept())
    return str(archive)


def _out_of_pack(place: Place, town: str, to: str) -> str:
    desk = place.desk()
    change = desk.remove(town, to)
    desk.make(change)
    return f"towns/{town} taken out; its ground is {to}'s in {len(change.files)} files of the grids"


def _off_broker(place: Place, plan: Plan, town: str, archive: Path) -> str:
    servers = place.servers
    assert servers is not None
    if not servers.amqp_management_url:
        return f"QIPAN_AMQP_MANAGEMENT_URL is not set: run `rabbitmqctl delete_user {town}` there"
    there = list(queues_of(servers.amqp_management_url, servers.amqp_url, town))
    try:
        withdraw_queues(servers.amqp_url, plan, town, there)
    except StillUsed as error:
        raise TownRefused(
            f"{error}. If messages came in meanwhile, `qipan town add {town} --from {archive}` brings the town back "
            "and its service, to take them; then remove it again."
        ) from error
    withdraw_user(servers.amqp_management_url, town)
    return "user, rights and queues are gone"


def _out_of_database(place: Place, town: str) -> str:
    assert place.servers is not None
    withdraw_tenant(place.servers.database_url, town)
    return "its roles are gone; its rows stay"


def _nothing_came(rows: TownRows, town: str, archive: Path, anyway: bool) -> str:
    standing = rows.standing()
    said = ", ".join(filter(None, (standing.said(standing.lasting), standing.said(standing.passing))))
    if said and not anyway:
        raise TownRefused(
            f"Meanwhile came in for {town}: {said}. `qipan town add {town} --from {archive}` brings it back; see to "
            "them, then remove it again."
        )
    return said or "nothing came in meanwhile"


def _plan_with(place: Place, town: str, archive: Path) -> Plan:
    """Who lives on the broker while the town's services still do: from its pack, or from the archive of that."""
    district = load_district(place.settings.district)
    plan = broker_plan(district, place.settings.core_user)
    if any(each.id == town for each in district.towns):
        return plan
    added = (
        AddedService(own["name"], town, tuple(own.get("subscribes", ())))
        for own in Archive(archive).services
        if own.get("replaces") is None
    )
    return Plan((*plan.tenants, town), (*plan.added, *added), plan.core_user, plan.waits_ms)


def _looks(look: Callable[[], Found]) -> Iterator[Found]:
    """What `look` finds, again and again until nobody asks any more or the wait is over."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        yield look()
        if time.monotonic() > end:
            return
        time.sleep(LOOK_SECONDS)
