"""The addresses at which reporters ask to be told, and end it."""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from qipan.contracts.errors import NotFound, Unavailable
from qipan.http import Answer
from qipan.http.body import read_json
from qipan.http.language import language_of
from qipan.storage import Database
from services.intake import updates
from services.intake.contacts import Contacts
from services.intake.forms import UpdatesAccepted, UpdatesForm
from services.intake.openapi import Described
from services.intake.tracking import TrackingTokens

STOP = {
    "zh": (
        "不再接收进展通知",
        "点击按钮后，我们将删除您为此次上报留下的邮箱。",
        "不再接收",
        "已停止发送，您的邮箱已删除。",
    ),
    "en": (
        "No more updates",
        "The button deletes the address that you left for this report.",
        "Stop",
        "Done: your address is deleted.",
    ),
}


class UpdatesEndpoints:
    """Asking and ending. `opened` gives the tenant of a report that a tracking token opens, or raises."""

    def __init__(
        self,
        database: Database,
        tokens: TrackingTokens,
        contacts: Contacts,
        opened: Callable[[str, str], str],
        public_url: str,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._contacts = contacts
        self._opened = opened
        self._public = bool(public_url)

    async def post_updates(self, request: Request) -> Response:
        """Be told by mail of what becomes of a report, from now on."""
        report_id = request.path_params["report_id"]
        form = await read_json(request, UpdatesForm)
        if not self._public:
            raise Unavailable(
                "No updates are sent here: the installation has no public address to end them at."
            )
        await run_in_threadpool(self._want, report_id, request.query_params.get("token", ""), form)
        return Answer(UpdatesAccepted(report_id=report_id, wanted=True), 201)

    async def post_stop(self, request: Request) -> Response:
        """End the updates, by the token in each mail (RFC 8058's one click)."""
        report_id = request.path_params["report_id"]
        await run_in_threadpool(self._stop, report_id, request.query_params.get("token", ""))
        return _page(request, asked=False)

    async def get_stop(self, request: Request) -> Response:
        """A page with the button that ends the updates: looking at it changes nothing."""
        report_id = request.path_params["report_id"]
        if updates.stopped_by(self._tokens, request.query_params.get("token", ""), report_id) is None:
            raise NotFound
        return _page(request, asked=True)

    def _want(self, report_id: str, token: str, form: UpdatesForm) -> None:
        tenant = self._opened(report_id, token)
        with self._database.begin() as work:
            updates.want(work, self._contacts, tenant, report_id, form.email, form.language)

    def _stop(self, report_id: str, token: str) -> None:
        tenant = updates.stopped_by(self._tokens, token, report_id)
        if tenant is None:
            raise NotFound
        with self._database.begin() as work:
            updates.stop(work, tenant, report_id)


def _page(request: Request, *, asked: bool) -> HTMLResponse:
    language = "en" if language_of(request) == "en" else "zh"
    title, explained, button, done = map(escape, STOP[language])
    body = (
        f'<p>{explained}</p><form method="post"><button>{button}</button></form>'
        if asked
        else f"<p>{done}</p>"
    )
    lang = "zh-CN" if language == "zh" else "en"
    return HTMLResponse(
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>',
        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


Served = Callable[[Request], Awaitable[Response]]

UPDATES_ROUTES = (
    Described(
        "POST",
        "/v1/reports/{report_id}/updates",
        UpdatesEndpoints.post_updates,
        UpdatesForm,
        UpdatesAccepted,
        201,
    ),
)
"""What the door's description shows; the two pages at which updates end are for people and mail programs."""

STOP_PATH = "/v1/reports/{report_id}/updates/stop"
