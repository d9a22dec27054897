"""A mail server that takes its time, and counts what it took under which key."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from qipan.hosting.embedded.home import free_port
from services.notify.mail import KEY_HEADER

SECONDS_A_MAIL = 0.25
"""Everybody's offers go out by mail; a slow server keeps that from being most of what the machine does."""


class PostOffice:
    """Accepts everything, slowly, one mail after another."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.url = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take one; it counts once the sender can hear so."""
        await asyncio.sleep(SECONDS_A_MAIL)
        self.taken[str(message_from_bytes(envelope.original_content or b"")[KEY_HEADER])] += 1
        return "250 OK"


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """One that is open as long as the block runs."""
    office = PostOffice()
    server = Controller(office, hostname="127.0.0.1", port=free_port())
    server.start()
    office.url = f"mailto://127.0.0.1:{server.port}"
    try:
        yield office
    finally:
        server.stop()
