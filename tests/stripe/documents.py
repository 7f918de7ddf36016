"""What Stripe hosts: an invoice's page and its PDF, and the pages of Checkout and the portal, just large enough."""

from tests.stripe.lines import as_money
from tests.stripe.world import Object, World


def invoice_text(invoice: Object) -> list[str]:
    """An invoice in lines of text."""
    rows = [f"Invoice {invoice['number']}", f"From {invoice['account_name']}", f"To {invoice['customer_name'] or ''}"]
    rows += [f"{each['type']} {each['value']}" for each in invoice["customer_tax_ids"] or []]
    rows += [f"{each['name']}: {each['value']}" for each in invoice["custom_fields"] or []]
    rows += [
        f"{each['description']}  {as_money(each['amount'], each['currency'])}" for each in invoice["lines"]["data"]
    ]
    rows += [f"Total {as_money(invoice['total'], invoice['currency'])}", invoice["footer"] or ""]
    return [each for each in rows if each]


def pdf(rows: list[str]) -> bytes:
    """A PDF of one page; what Latin-1 cannot write becomes a question mark."""
    text = "BT /F1 11 Tf 50 780 Td 16 TL\n"
    for row in rows:
        escaped = row.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        text += f"({escaped}) Tj T*\n"
    stream = (text + "ET").encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % each for each in offsets)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (len(objects) + 1, table, trailer)


def document(world: World, path: str) -> tuple[str, bytes] | None:
    """Media type and body of a hosted page; None: there is no such page."""
    parts = path.strip("/").split("/")
    found = world.objects.get(parts[1]) if len(parts) >= 2 else None
    if found is None:
        return None
    if parts[0] == "invoice" and found["object"] == "invoice":
        rows = invoice_text(found)
        if parts[2:] == ["pdf"]:
            return "application/pdf", pdf(rows)
        return "text/html; charset=utf-8", ("<!doctype html><pre>" + "\n".join(rows) + "</pre>").encode()
    if parts[0] == "credit_notes" and found["object"] == "credit_note":
        return "application/pdf", pdf([f"Credit note {found['number']}", as_money(found["amount"], found["currency"])])
    if parts[0] in ("checkout", "portal", "receipts"):
        return "text/html; charset=utf-8", f"<!doctype html><p>{found['object']} {found['id']}</p>".encode()
    return None
