"""Mail by SMTP, through apprise."""

import ipaddress
import logging
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import apprise

from services.notify.channel import NotAccepted

KEY_HEADER = "X-Qipan-Key"
_SECONDS = 10
_SCHEMES = ("mailto", "mailtos")


class MailSettingError(ValueError):
    """QIPAN_SMTP_URL is not the address of a mail server."""


class Mail:
    """Hands messages to one SMTP server: mailto://host:port or mailtos://user:password@host[?from=address].

    Raises MailSettingError for any other `url`: a wrong setting shows at start, not at the first mail.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise MailSettingError(
                f"QIPAN_SMTP_URL cannot be {parts.scheme or 'without a scheme'}://…; "
                "it looks like mailto://host:port or mailtos://user:password@host"
            )
        options = dict(parse_qsl(parts.query))
        options.setdefault("from", f"qipan@{_mail_domain(parts.hostname)}")
        self._base = f"{parts.scheme}://{parts.netloc}/"
        self._options = {**options, "format": "text", "cto": str(_SECONDS), "rto": str(_SECONDS)}
        if self._plugin("nobody@example.org", "") is None:
            raise MailSettingError("QIPAN_SMTP_URL is not the address of a mail server: apprise refuses it")

    def send(self, address: str, title: str, body: str, key: str) -> None:
        """Hand one plain-text message to the server; raises NotAccepted with what the server said."""
        plugin = self._plugin(address, key)
        if plugin is None:
            raise NotAccepted("this is not a mail address")
        with apprise.LogCapture(level=logging.DEBUG) as log:
            accepted = plugin.notify(body=body, title=title)
            said = log.getvalue()
        if not accepted:
            raise NotAccepted(_reason(said))

    def _plugin(self, address: str, key: str) -> apprise.NotifyBase | None:
        query = urlencode({**self._options, "to": address, f"+{KEY_HEADER}": key}, quote_via=quote)
        return apprise.Apprise.instantiate(f"{self._base}?{query}", suppress_exceptions=True)


def _mail_domain(host: str) -> str:
    """A domain that a sender's address may have: the server's own name, where it is one."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host else f"{host}.localdomain"
    return "localhost.localdomain"


def _reason(log: str) -> str:
    """The server's words in apprise's log, without the addresses that it also logs."""
    for line in log.splitlines():
        _, found, words = line.partition("Socket Exception: ")
        if found:
            return words[:300]
    return "the mail server did not accept it"
