"""A private RabbitMQ node and a private PostgreSQL cluster, for trying, testing and demonstrating."""

from qipan.hosting.embedded.broker import EmbeddedBroker
from qipan.hosting.embedded.postgres import EmbeddedPostgres

__all__ = ["EmbeddedBroker", "EmbeddedPostgres"]
