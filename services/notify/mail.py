"""Mail by SMTP, through apprise."""

import ipaddress
import logging
import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import apprise

from services.notify.channel import NotAccepted, Outgoing, Refused

KEY_HEADER = "X-Qipan-Key"
logging.getLogger("apprise").propagate = False  # what it says is read here; our log gets what comes of it
_SECONDS = 10
_SCHEMES = ("mailto", "mailtos")
_ANSWERED = re.compile(r"\b(?!421)[45]\d\d\b")
"""A server that answers with a code is there; 421 says that it is about to go."""


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
        self._options = {**options, "cto": str(_SECONDS), "rto": str(_SECONDS)}
        if self._plugin("nobody@example.org", Outgoing("", "", ""), "text") is None:
            raise MailSettingError("QIPAN_SMTP_URL is not the address of a mail server: apprise refuses it")

    def send(self, address: str, message: Outgoing) -> bool:
        """Hand one message to the server; raises NotAccepted with what the server said."""
        plugin = self._plugin(address, message, "html" if message.html else "text")
        if plugin is None:
            raise Refused("this is not a mail address")
        with apprise.LogCapture(level=logging.DEBUG) as log:
            accepted = plugin.notify(
                body=message.html or message.body,
                title=message.title,
                body_format=apprise.NotifyFormat.HTML if message.html else apprise.NotifyFormat.TEXT,
            )
            said = log.getvalue()
        if not accepted:
            reason = _reason(said)
            raise NotAccepted(reason, of_message=_ANSWERED.search(reason) is not None)
        return False

    def _plugin(self, address: str, message: Outgoing, form: str) -> apprise.NotifyBase | None:
        options = {**self._options, "to": address, "format": form, f"+{KEY_HEADER}": message.key}
        if message.stop is not None:  # RFC 8058
            options["+List-Unsubscribe"] = f"<{message.stop}>"
            options["+List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        query = urlencode(options, quote_via=quote)
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
