"""A broker of several nodes in one URL, `amqp://user:password@one:5672,two:5672/vhost`: any of them serves. Pure."""

from urllib.parse import urlsplit, urlunsplit


def each_node(url: str) -> tuple[str, ...]:
    """One URL for each host that `url` names, in its order; all but the host is the same in each."""
    parts = urlsplit(url)
    credentials, at, hosts = parts.netloc.rpartition("@")
    return tuple(urlunsplit(parts._replace(netloc=credentials + at + host)) for host in hosts.split(","))


def is_address(url: str, *schemes: str, several: bool = False) -> bool:
    """Whether `url` has one of these schemes and a host with a possible port, or `several` of them."""
    try:
        parts = [urlsplit(node) for node in each_node(url)]
        well = all(each.scheme in schemes and each.hostname and (each.port or 1) > 0 for each in parts)
    except ValueError:
        return False
    return well and (several or len(parts) == 1)
