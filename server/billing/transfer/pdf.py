"""An invoice as PDF: one page after another of what was frozen when it was issued.

The typeface is cut down to Latin, Greek, Cyrillic (Kazakh too), Armenian and Georgian: other scripts show as boxes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from server.billing.letters import say_amount, words

_FONT: Final = "DejaVuSans"
_BOLD: Final = "DejaVuSans-Bold"
_MARGIN: Final = 20 * mm


@cache
def _register_fonts() -> None:
    for name in (_FONT, _BOLD):
        with files("server.billing.transfer").joinpath("fonts", f"{name}.ttf").open("rb") as file:
            pdfmetrics.registerFont(TTFont(name, BytesIO(file.read())))


def render_invoice(document: Mapping[str, Any], *, is_void: bool = False) -> bytes:
    """The PDF of an invoice; of the same document, always the same bytes.

    Args:
        document: as `server.billing.transfer.invoice.write_document` made it.
        is_void: it was taken back, and says so.
    """
    _register_fonts()
    language, out = document["language"], BytesIO()
    title = f"{words('invoice', language)} {document['number']}"
    if is_void:
        title += f" ({words('void', language)})"
    paper = SimpleDocTemplate(
        out, pagesize=A4, title=title, author=document["seller"]["name"], invariant=1,
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
    )  # fmt: skip
    paper.build(
        [
            _text(title, size=16, bold=True),
            Spacer(0, 6 * mm),
            _facts(document, language),
            Spacer(0, 6 * mm),
            _parties(document, language),
            Spacer(0, 8 * mm),
            _lines(document, language),
            Spacer(0, 8 * mm),
            _text(words("bank", language), bold=True),
            *[_text(line) for line in document["bank"]],
            Spacer(0, 2 * mm),
            _text(words("reference", language)),
        ]
    )
    return out.getvalue()


def _text(text: str, *, size: float = 9, bold: bool = False, right: bool = False) -> Paragraph:
    style = ParagraphStyle(
        "text", fontName=_BOLD if bold else _FONT, fontSize=size, leading=size * 1.4, alignment=2 if right else 0
    )  # fmt: skip
    return Paragraph(escape(text), style)


def _facts(document: Mapping[str, Any], language: str) -> Table:
    rows = [
        [_text(words(name, language)), _text(str(document[name]), bold=True)]
        for name in ("number", "issued_on", "due_on", "contract_number", "purchase_order")
        if document[name]
    ]
    return _table(rows, [45 * mm, 125 * mm])


def _parties(document: Mapping[str, Any], language: str) -> Table:
    def party(name: str) -> list[Flowable]:
        found = document[name]
        own = [_text(words(name, language)), _text(found["name"], bold=True, size=10)]
        return [*own, *[_text(line) for line in found["lines"]]]

    return _table([[party("seller"), party("buyer")]], [85 * mm, 85 * mm])


def _lines(document: Mapping[str, Any], language: str) -> Table:
    currency = document["currency"]

    def row(text: str, amount_minor: int, *, bold: bool = False) -> list[Flowable]:
        return [_text(text, bold=bold), _text(say_amount(amount_minor, currency, language), bold=bold, right=True)]

    head = [_text(words("description", language), bold=True), _text(words("amount", language), bold=True, right=True)]
    lines = [row(each["text"], each["amount_minor"]) for each in document["lines"]]
    percent = document["vat_percent"]
    sums = [
        row(words("subtotal", language), document["subtotal_minor"]),
        row(words("tax", language).format(percent=percent), document["tax_minor"]),
        row(words("total", language), document["total_minor"], bold=True),
    ]
    if percent == "0":
        sums = sums[-1:]
    table = _table([head, *lines, *sums], [125 * mm, 45 * mm])
    rule = ("LINEABOVE", (0, 1 + len(lines)), (-1, 1 + len(lines)), 0.7, colors.black)
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black), rule]))
    return table


def _table(rows: Sequence[Sequence[Any]], widths: Sequence[float]) -> Table:
    table = Table([list(row) for row in rows], colWidths=list(widths), hAlign="LEFT")
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table
