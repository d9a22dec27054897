"""How long the right to serve a tenant lasts. Real seconds, never a tenant's clock.

A tenant's instance serves on a lease. When it stops renewing, its traffic goes to the core.
"""

LEASE_SECONDS = 10.0
"""An arrival holds this long without being renewed."""

RENEW_SECONDS = 3.0
"""An instance renews this often: two renewals may get lost before the lease lapses."""

RETRY_SECONDS = 0.5
"""How soon a renewal that failed is tried again."""

DRAIN_SECONDS = 60.0
"""A leaver that has not said that it is gone after this long is taken for dead."""

QUIET_SECONDS = 60.0
"""An unbound queue is deleted once it has been empty and without consumers for this long.

Longer than the broker needs to notice a dead connection (two heartbeats of 20 s): only then can no message be
in the hands of somebody who would give it back to a queue that is gone.
"""
