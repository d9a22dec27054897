"""The monthly report and the public page of what was done: pages without any outside font, image or script."""

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from qipan.contracts.figures import DoneList
from services.gateway import charts
from services.gateway.charts import Drawing
from services.gateway.report import Report
from services.gateway.sheet import Sheet

_PAGES = Environment(
    loader=PackageLoader("services.gateway"), autoescape=select_autoescape(default=True), auto_reload=False
)


def page(report: Report) -> str:
    """The page."""
    return _PAGES.get_template("report.html.j2").render(report=report, svg=_svg)


def _svg(drawing: Drawing) -> Markup:
    return Markup(charts.svg(drawing))


def done_page(done: DoneList, sheet: Sheet, tenant: str, language: str) -> str:
    """你说我办: what citizens said, in their own words, before and after."""
    rows = [
        {
            "town": sheet.named(one.tenant, "tenant", one.tenant),
            "matter": sheet.named(one.tenant, "matter", one.matter),
            "said": one.said,
            "reported": (sheet.time(one.reported_at) or "")[:10],
            "did": one.did,
            "done": (sheet.time(one.done_at) or "")[:10],
            "rating": one.rating,
        }
        for one in done.done
    ]
    return _PAGES.get_template("done.html.j2").render(
        rows=rows, name=sheet.named(tenant, "tenant", tenant), zh=language != "en"
    )
