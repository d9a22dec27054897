"""The token that a client of a `batch` town gets instead of a request's id: `<report id>.<tracking token>`.

Like the tracking token in it, it is computed and stored nowhere; whoever holds it may also follow and rate the
report at the door.
"""

from services.intake.open311.refusals import NOT_THERE, Refused, trouble
from services.intake.open311.rendering import Document
from services.intake.tracking import TrackingTokens


def token_for(tokens: TrackingTokens, tenant: str, report_id: str) -> str:
    """The token of this report."""
    return f"{report_id}.{tokens.token(tenant, report_id)}"


def resolved(tokens: TrackingTokens, tenant: str, token: str) -> Document:
    """The id that a token stands for; Refused with 404 when it is none of this town's."""
    report_id, _, tracking = token.partition(".")
    if tokens.tenant_of(tracking, report_id) != tenant:
        raise Refused(
            [trouble(f"{tenant} 没有这个 token", f"the token was not found in {tenant}", NOT_THERE)]
        )
    return Document("service_requests", [{"service_request_id": report_id, "token": token}])
