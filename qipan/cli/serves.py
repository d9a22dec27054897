"""Reading `dispatch@sandun` from a command line."""

import typer

SERVES = typer.Argument(help="A service, for everyone (dispatch) or for one tenant (dispatch@sandun).")


def parse(serves: str) -> tuple[str, str | None]:
    """The service, and the tenant if one is named."""
    service, at, tenant = serves.partition("@")
    if not service or (at and not tenant):
        raise typer.BadParameter("write dispatch, or dispatch@sandun")
    return service, tenant or None
