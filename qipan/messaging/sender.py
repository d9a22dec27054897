"""Whether a message may have come from where it says: the consumer's own check, beneath the broker's rights.

The broker checks the routing key of a publish against the sender's rights, but not the further keys in the
headers `CC` and `BCC` (measured on RabbitMQ 3.10): a message can reach another tenant's queue that way, under
its own key. Here it stops.
"""

from qipan.messaging.topology import base_tenant, tenant_of


def verify_sender(
    routing_key: str, user_id: str | None, envelope_tenant: str, served_tenant: str | None, core_user: str
) -> str | None:
    """What is wrong with the message's origin, or None.

    `user_id` is the broker user who published it, as checked by the broker; `served_tenant` is whose queue it
    was read from (None: the core's, which serves everyone).
    """
    addressed = tenant_of(routing_key)
    if addressed != envelope_tenant:
        return f"the routing key addresses {addressed!r}, the envelope {envelope_tenant!r}"
    if served_tenant is not None and served_tenant != addressed:
        return f"it addresses {addressed!r} but came to the queue of {served_tenant!r}"
    if user_id is None:
        return "it does not say which broker user sent it"
    if user_id not in (core_user, base_tenant(addressed)):
        return f"it was sent by {user_id!r}, who may not speak for {addressed!r}"
    return None
