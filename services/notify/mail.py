"""Mail by SMTP: apprise reads the setting and makes the message, the session with the server is ours."""

import ipaddress
import smtplib
import ssl
from contextlib import closing, suppress
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from qipan.messaging.in_time import in_time
from services.notify.channel import LONGEST, NotAccepted, Outgoing, Refused
from services.notify.hushed import apprise
from services.notify.smtp_answers import judged, reason_of

KEY_HEADER = "X-Qipan-Key"
_SECONDS, _PARTING = 10, 5.0
"""For one step of a session, and for its end once the message is taken."""
_SCHEMES = ("mailto", "mailtos")


class MailSettingError(ValueError):
    """QIPAN_SMTP_URL is not the address of a mail server."""


class Mail:
    """Hands messages to one SMTP server: mailto://host:port or mailtos://user:password@host[?from=address].

    `seconds` is for all of one message. Raises MailSettingError for any other `url`: a wrong setting shows at start,
    not at the first mail.
    """

    def __init__(self, url: str, seconds: float = LONGEST) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise MailSettingError(
                f"QIPAN_SMTP_URL cannot be {parts.scheme or 'without a scheme'}://…; "
                "it looks like mailto://host:port or mailtos://user:password@host"
            )
        options = dict(parse_qsl(parts.query))
        options.setdefault("from", f"qipan@{_mail_domain(parts.hostname)}")
        self._base = f"{parts.scheme}://{parts.netloc}/"
        self._options = options
        self._seconds = seconds
        if self._plugin("nobody@example.org", Outgoing("", "", ""), "text") is None:
            raise MailSettingError("QIPAN_SMTP_URL is not the address of a mail server: apprise refuses it")

    def send(self, address: str, message: Outgoing) -> bool:
        """Hand one message to the server; raises NotAccepted with what the server said, without the address."""
        plugin = self._plugin(address, message, "html" if message.html else "text")
        if plugin is None or len(plugin.targets) != 1:
            raise Refused("this is not a mail address")
        [made] = _made(plugin, message)
        late = NotAccepted("no answer in time")
        with in_time(self._seconds, late):
            server = _handed_over(plugin, made, address)
        # It is taken: whatever comes of the parting is no reason to send it again.
        with closing(server), suppress(NotAccepted, smtplib.SMTPException, OSError), in_time(_PARTING, late):
            server.quit()
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


def _made(plugin: Any, message: Outgoing) -> Any:
    """The message as apprise makes it, once for each of the plugin's addresses: there is one."""
    form = apprise.NotifyFormat.HTML if message.html else apprise.NotifyFormat.TEXT
    return plugin.prepare_emails(
        subject=message.title,
        body=message.html or message.body,
        notify_format=form,
        from_addr=plugin.from_addr,
        to=plugin.targets,
        cc=plugin.cc,
        bcc=plugin.bcc,
        reply_to=plugin.reply_to,
        smtp_host=plugin.smtp_host,
        headers={"X-Application": plugin.app_id, **plugin.headers},
        names=plugin.names,
        pgp=plugin.pgp,
        pgp_mode=plugin.pgp_mode,
        tzinfo=plugin.tzinfo,
    )


def _handed_over(plugin: Any, made: Any, address: str) -> smtplib.SMTP:
    """The session in which the server took the message; NotAccepted, and the session is closed, when it did not."""
    server = _session(plugin)
    try:
        server.sendmail(plugin.from_addr[1], made.to_addrs, made.body)
    except BaseException as error:
        server.close()
        trouble = _trouble(error, address)
        if trouble is None:
            raise
        raise trouble from None
    return server


def _trouble(error: BaseException, address: str) -> NotAccepted | None:
    """What went wrong once the session stood; None for what is none of the server's."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return judged(*next(iter(error.recipients.values())), address)
    if isinstance(error, smtplib.SMTPResponseException):
        trouble = judged(error.smtp_code, error.smtp_error, address)
        of_ours = isinstance(error, smtplib.SMTPDataError) or error.smtp_code == 552
        # The sender is the same for every message: who refuses it refuses them all, unless this one is too big.
        return trouble if of_ours else NotAccepted(str(trouble))
    if isinstance(error, UnicodeEncodeError):
        return Refused("this is not a mail address that the server can read")
    if isinstance(error, smtplib.SMTPException | OSError):
        return NotAccepted(f"the mail server broke off: {type(error).__name__}")
    return None


def _session(plugin: Any) -> smtplib.SMTP:
    """A session as the setting says: secured, logged in. What fails of it is the server's, not the message's."""
    where = (plugin.smtp_host, plugin.port)
    trust = _trust(plugin.verify_certificate) if plugin.secure_mode != "insecure" else None
    server: smtplib.SMTP | None = None
    try:
        if plugin.secure_mode == "ssl":
            server = smtplib.SMTP_SSL(*where, timeout=_SECONDS, context=trust)
        else:
            server = smtplib.SMTP(*where, timeout=_SECONDS)
        if plugin.secure_mode == "starttls":
            server.starttls(context=trust)
        if plugin.user and plugin.password:
            server.login(plugin.user, plugin.password)
    except BaseException as error:
        if server is not None:
            server.close()
        if isinstance(error, smtplib.SMTPResponseException):
            raise NotAccepted(reason_of(error.smtp_code, error.smtp_error, plugin.user or "")) from None
        if isinstance(error, smtplib.SMTPException | OSError):
            raise NotAccepted(f"no session with the mail server: {type(error).__name__}") from None
        raise
    return server


@cache
def _trust(verified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
