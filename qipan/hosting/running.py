"""A district that runs: servers, credentials, processes, control socket, from start to an orderly end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from qipan.access import first_password
from qipan.hosting.control import Control
from qipan.hosting.credentials import Credentials
from qipan.hosting.environment import shared_environment
from qipan.hosting.plan import CORE_PHASE, HTTP_PHASE, plan
from qipan.hosting.port import ProcessSpec
from qipan.hosting.prepare import migrate_database, provision_broker, provision_database
from qipan.hosting.processes import ProcessHost
from qipan.hosting.servers import Servers, servers
from qipan.settings import Settings
from qipan.tenancy import District, Person, load_district

READY_SECONDS = 180.0
"""A small machine that starts everything at once needs its time."""

DOOR, GATEWAY = "door.1", "gateway.1"


@dataclass(frozen=True)
class RunningDistrict:
    """What is running, for whoever started it: `qipan up`, the demo, the benches and the fault harness."""

    district: District
    settings: Settings
    servers: Servers
    credentials: Credentials
    host: ProcessHost

    @property
    def gateway_url(self) -> str:
        """Where people's clients go."""
        return self.host.url(GATEWAY)

    @property
    def door_url(self) -> str:
        """Where reports go when no ingress splits the traffic."""
        return self.host.url(DOOR)

    def password(self, person: Person) -> str:
        """The person's first password."""
        return first_password(self.credentials.account_secret, person.id)

    def one_of_each_role(self) -> dict[str, Person]:
        """An account for each role that has people."""
        found: dict[str, Person] = {}
        for person in self.district.people:
            for role in person.roles:
                found.setdefault(role, person)
        return found


@contextmanager
def run_district(
    settings: Settings,
    *,
    say: Callable[[str], None],
    told: Callable[[int, int], None] | None = None,
    processes: Callable[[District], Sequence[ProcessSpec]] = plan,
) -> Iterator[RunningDistrict]:
    """Start everything that `settings` and the district's pack ask for; stop it all when the block ends.

    `say` hears each step, `told` how many of how many processes are ready. `processes` chooses what runs.
    Raises PackError, StartError, ProvisionError and whatever the database refuses with.
    """
    district = load_district(Path(settings.district))
    credentials = Credentials.kept_in(settings.var)
    with ExitStack() as stack:
        found = stack.enter_context(servers(settings, say))
        say("preparing the database")
        provision_database(found.database_url, credentials.secret, district)
        migrate_database(found.database_url, credentials, settings)
        if found.amqp_management_url:
            say("preparing the broker")
            provision_broker(
                district, found.amqp_url, found.amqp_management_url, credentials.secret, settings.core_user
            )
        else:
            say("taking the broker as provisioned: QIPAN_AMQP_MANAGEMENT_URL is not set")
        shared = shared_environment(settings)
        host = stack.enter_context(
            ProcessHost(
                district,
                settings.var,
                lambda spec: {
                    **shared,
                    **credentials.of_process(spec, found, settings, district.id),
                    **({"QIPAN_DOOR_URL": host.url(DOOR)} if spec.service == "gateway" else {}),
                },
            )
        )
        wanted = processes(district)
        say(f"starting {len(wanted)} processes")
        for spec in wanted:
            host.start(spec)
        host.wait_ready(READY_SECONDS, told)
        stack.enter_context(
            Control(
                host,
                settings.var,
                reload=lambda: _noticed(host.reload(load_district(Path(settings.district)), READY_SECONDS)),
            )
        )
        yield RunningDistrict(district, settings, found, credentials, host)


def _noticed(away: Mapping[int, float]) -> str:
    """What people notice while everything reads the pack anew, kind by kind, in words."""
    core, http = away[CORE_PHASE], away[HTTP_PHASE]
    return (
        f"all read the pack anew in {sum(away.values()):.0f} s. Noticed: lists and commands failed for up to "
        f"{core:.0f} s, then door and gateway did not answer for up to {http:.0f} s; what had been taken in went on"
    )
