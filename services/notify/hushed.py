"""apprise, whose log says addresses and keys: nothing of it is kept or shown."""

import logging

import apprise

logging.getLogger("apprise").propagate = False

__all__ = ["apprise"]
