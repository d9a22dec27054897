"""A district of one's own to play in: servers, schemas, every service as a process; all gone at the end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qipan.hosting.running import RunningDistrict, run_district
from qipan.hosting.servers import servers
from qipan.settings import Settings
from qipan.storage.provision import SCHEMAS, service_url


@contextmanager
def open_house(
    settings: Settings, base: Path, clocks: Callable[[], str], say: Callable[[str], None]
) -> Iterator[RunningDistrict]:
    """The settings' district, running; private servers live under `base` unless the settings name others.

    `clocks` is asked when the servers are up and the services are about to start.
    """
    chosen = settings.model_copy(update={"var": base})
    with servers(chosen, say, ephemeral=True) as found:
        update = {
            "amqp_url": found.amqp_url,
            "amqp_management_url": found.amqp_management_url,
            "database_url": found.database_url,
            "clocks": clocks(),
        }
        with run_district(chosen.model_copy(update=update), say=say) as running:
            yield running


def audit_urls(running: RunningDistrict) -> Mapping[str, str]:
    """Schema → URL of the role that owns it: what an operator's audit reads."""
    url, secret = running.servers.database_url, running.credentials.secret
    return {schema: service_url(url, schema, secret) for schema in SCHEMAS}
