"""Making servers fit for a district: roles, tables, exchanges, queues, users, rights. Safe to repeat."""

from pathlib import Path

from qipan.hosting.credentials import Credentials
from qipan.messaging import provision as broker
from qipan.messaging.definitions import Plan, definitions
from qipan.settings import Settings
from qipan.storage import provision as roles
from qipan.tenancy import District

SERVICES = Path("services")


def provision_database(database_url: str, secret: str, district: District) -> None:
    """Make or repair the services' and the tenants' roles, and the schemas; `database_url` is the administrator's."""
    roles.provision(database_url, secret, tenants=district.tenants)


def migrate_database(
    database_url: str, credentials: Credentials, settings: Settings, services: Path = SERVICES
) -> dict[str, str | None]:
    """Bring every service's schema to the newest revision and raise the walls between tenants on it, as its own role.

    Returns what each was at before.
    """
    # Alembic takes half a second to import, and only this needs it
    from qipan.storage.migrate import migrate
    from qipan.storage.walls import raise_walls

    before = {}
    for service in roles.SCHEMAS:
        url = roles.service_url(database_url, service, credentials.secret)
        held = credentials.intake_secrets(settings) if service == "intake" else {}
        before[service] = migrate(url, service, services, secrets=held)
        raise_walls(url, service, services / service)
    return before


def broker_plan(district: District, core_user: str) -> Plan:
    """Who lives on the broker in this district."""
    return broker.plan_of(district, core_user)


def broker_definitions(district: District, amqp_url: str, secret: str, core_user: str) -> dict[str, object]:
    """What the broker must hold for this district, in RabbitMQ's own definitions format."""
    return definitions(broker_plan(district, core_user), secret, broker.vhost_of(amqp_url))


def provision_broker(
    district: District, amqp_url: str, management_url: str, secret: str, core_user: str
) -> None:
    """Make or repair exchanges, queues, users and rights. ProvisionError when the broker refuses."""
    broker.apply(management_url, broker_definitions(district, amqp_url, secret, core_user))
