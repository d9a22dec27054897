"""The raw pipeline's tables and queues, and when a report is through all of it.

The rows are those that ours writes for a case on the same hops. Of indexes there are only the primary keys:
those by which ours lists and finds cases are part of what ours costs.
"""

import amqp
import psycopg

QUORUM = {"x-queue-type": "quorum"}
QUEUES = {"received": ("triage",), "triaged": ("dispatch",), "filed": ("notify", "analytics")}
STAGES = ("triage", "dispatch", "notify", "analytics")
OUTBOXES = ("intake", "dispatch")

SCHEMA = """
DROP SCHEMA IF EXISTS raw CASCADE;
CREATE SCHEMA raw;
CREATE TABLE raw.reports (tenant text, id text, body jsonb, state text, at timestamptz DEFAULT now(),
    PRIMARY KEY (tenant, id));
CREATE TABLE raw.cases (tenant text, id text, report_id text, state jsonb, version int, chain bytea,
    PRIMARY KEY (tenant, id));
CREATE TABLE raw.findable (tenant text, id text, lon float8, lat float8, words tsvector, PRIMARY KEY (tenant, id));
CREATE TABLE raw.tasks (tenant text, id text, case_id text, worker text, PRIMARY KEY (tenant, id));
CREATE TABLE raw.clocks (tenant text, case_id text, stage text, due_at timestamptz,
    PRIMARY KEY (tenant, case_id, stage));
CREATE TABLE raw.timers (tenant text, kind text, ref text, due_at timestamptz, PRIMARY KEY (tenant, kind, ref));
CREATE TABLE raw.history (tenant text, case_id text, version int, at timestamptz DEFAULT now(), what text, who text,
    message_id text, detail jsonb, hash bytea, PRIMARY KEY (tenant, case_id, version));
CREATE TABLE raw.loads (tenant text, worker text, open int, PRIMARY KEY (tenant, worker));
CREATE TABLE raw.messages (tenant text, id text, case_id text, body text, PRIMARY KEY (tenant, id));
CREATE TABLE raw.newest (tenant text, case_id text, version int, state jsonb, PRIMARY KEY (tenant, case_id));
CREATE TABLE raw.totals (tenant text, cut text, bucket text, member text, filed int,
    PRIMARY KEY (tenant, cut, bucket, member));
"""
PER_STAGE = """
CREATE TABLE raw.{stage}_inbox (tenant text, id text, at timestamptz DEFAULT now(), PRIMARY KEY (tenant, id));
"""
PER_OUTBOX = """
CREATE TABLE raw.{stage}_outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text, kind text,
    id text, body bytea);
"""
THROUGH = """
SELECT k.tenant, k.id, true FROM unnest(%s::text[], %s::text[]) AS k(tenant, id)
JOIN raw.messages m ON m.tenant = k.tenant AND m.id = 'c' || k.id || '.1'
JOIN raw.newest n ON n.tenant = k.tenant AND n.case_id = 'c' || k.id
"""


def case_id_of(report_id: str) -> str:
    """The case of a report; a message about it has `.1` behind it. Derived, so that no index is needed to find it."""
    return f"c{report_id}"


def prepare(database: str, broker: str) -> None:
    """Fresh tables and queues."""
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(SCHEMA)
        for stage in STAGES:
            conn.execute(PER_STAGE.format(stage=stage))
        for stage in OUTBOXES:
            conn.execute(PER_OUTBOX.format(stage=stage))
    connection = connect(broker)
    channel = connection.channel()
    channel.exchange_declare("raw", "topic", durable=True, auto_delete=False)
    for kind, queues in QUEUES.items():
        for queue in queues:
            channel.queue_delete(f"raw.{queue}")
            channel.queue_declare(f"raw.{queue}", durable=True, auto_delete=False, arguments=QUORUM)
            channel.queue_bind(f"raw.{queue}", "raw", f"*.{kind}")
    connection.close()


def connect(broker: str) -> amqp.Connection:
    """A connection to the broker at a URL."""
    user, password, host, vhost = _parts(broker)
    connection = amqp.Connection(host, user, password, virtual_host=vhost)
    connection.connect()
    return connection


def _parts(broker: str) -> tuple[str, str, str, str]:
    rest = broker.split("://", 1)[1]
    credentials, _, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    host, _, vhost = address.partition("/")
    return user, password, host, vhost or "/"
