"""The monthly report as a PDF, by fpdf2. Chinese needs a font with its characters; the setting says which."""

from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos

from qipan.contracts.errors import Unavailable
from services.gateway.charts import Drawing, Line, Rect
from services.gateway.report import Report, Section, Table

FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
"""Where Debian's fonts-wqy-microhei has it."""

_FONT = "report"
_WIDTH = 500.0
"""Of the printed page, in points: A4 without its margins."""


def pdf(report: Report, font: Path) -> bytes:
    """The file; Unavailable when the font is not there, saying which setting names it."""
    if not font.is_file():
        raise Unavailable(
            f"A PDF needs a font with Chinese characters, and there is none at {font}. Install the Debian package "
            "fonts-wqy-microhei, or name another font (TTF, TTC) in QIPAN_REPORT_FONT. The HTML report needs none."
        )
    file = FPDF(unit="pt", format="A4")
    file.set_title(report.title)
    file.set_lang(report.language)
    file.set_margin(47)
    file.set_auto_page_break(auto=True, margin=47)
    file.add_font(_FONT, fname=font)
    file.add_page()
    _line(file, report.title, 18, 26)
    _line(file, report.subtitle, 9, 16)
    for section in report.sections:
        _section(file, section)
    file.ln(14)
    file.set_font(_FONT, size=8)
    file.multi_cell(0, 11, report.note)
    return bytes(file.output())


def _section(file: FPDF, section: Section) -> None:
    needed = 40 + (section.drawing.height if section.drawing else 40)
    if file.will_page_break(needed):
        file.add_page()
    file.ln(14)
    _line(file, section.title, 12, 18)
    if section.note:
        _line(file, section.note, 8, 13)
    if section.drawing is not None:
        _draw(file, section.drawing)
    if section.table is not None:
        _table(file, section.table)


def _line(file: FPDF, text: str, size: float, height: float) -> None:
    file.set_font(_FONT, size=size)
    file.cell(0, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(file: FPDF, table: Table) -> None:
    file.set_font(_FONT, size=8.5)
    aligned = tuple("RIGHT" if column in table.right else "LEFT" for column in range(len(table.rows[0])))
    with file.table(
        text_align=aligned,
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        line_height=13,
        first_row_as_headings=False,
        col_widths=table.widths or None,
    ) as laid:
        for row in table.rows:
            laid.row(row)


def _draw(file: FPDF, drawing: Drawing) -> None:
    left, top, scale = file.l_margin, file.get_y() + 4, _WIDTH / drawing.width
    for one in drawing.shapes:
        if isinstance(one, Rect):
            file.set_fill_color(one.fill)
            file.rect(left + one.x * scale, top + one.y * scale, one.width * scale, one.height * scale, "F")
        elif isinstance(one, Line):
            file.set_draw_color(one.stroke)
            file.set_line_width(one.width * scale)
            if one.dash:
                file.set_dash_pattern(one.dash[0] * scale, one.dash[-1] * scale)
            file.polyline([(left + x * scale, top + y * scale) for x, y in one.points])
            file.set_dash_pattern()
        else:
            file.set_font(_FONT, size=one.size * scale)
            wide = file.get_string_width(one.text)
            shift = {"start": 0.0, "middle": wide / 2, "end": wide}[one.anchor]
            file.text(left + one.x * scale - shift, top + one.y * scale, one.text)
    file.set_draw_color(0)
    file.set_fill_color(255)
    file.set_line_width(0.5)
    file.set_y(top + drawing.height * scale + 4)
