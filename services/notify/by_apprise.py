"""What apprise can reach besides: a group or a person's device, by one of its addresses."""

from qipan.messaging.in_time import in_time
from services.notify.channel import LONGEST, NotAccepted, Outgoing
from services.notify.hushed import apprise


class ByApprise:
    """Hands messages to one apprise address (`ntfys://…`, `matrixs://…`). It carries no key, so the text does.

    ValueError for an address that apprise does not know.
    """

    def __init__(self, url: str, seconds: float = 10.0) -> None:
        joint = "&" if "?" in url else "?"
        self._url = f"{url}{joint}cto={seconds:g}&rto={seconds:g}"
        if apprise.Apprise.instantiate(self._url, suppress_exceptions=True) is None:
            raise ValueError("apprise does not know this address")

    def send(self, address: str, message: Outgoing) -> bool:
        """Hand it over; NotAccepted when apprise says that it was not taken."""
        plugin = apprise.Apprise.instantiate(self._url, suppress_exceptions=True)
        with in_time(LONGEST, NotAccepted("no answer in time")):
            taken = plugin is not None and plugin.notify(
                title=message.title, body=f"{message.body}\n№ {message.key}"
            )
        if not taken:
            raise NotAccepted("the service did not take it")
        return False
