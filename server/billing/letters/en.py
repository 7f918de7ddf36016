"""Letters in English."""

from typing import Final

TEXTS: Final = {
    "sign_up": (
        "Your workspace {company}",
        """
Hello {name},

this link opens the workspace “{company}” under the address {slug}, with a trial of {trial_days} days. No card is needed:

{link}

The link is good until {expires}. If you did not ask for a workspace, do nothing: without the link, none is opened.
""",
    ),
    "invoice": (
        "Invoice {number}",
        """
Hello,

attached is our invoice {number} of {issued_on} over {amount}, due by {due_on}.

All your invoices: {link}
""",
    ),
    "invoice_copy": (
        "Invoice {number} of {company}",
        """
Hello,

here is the invoice {number} of {issued_on} over {amount} for {company}, for your books:

{document}

All invoices: {link}
""",
    ),
}

WORDS: Final = {
    "line_period": "{plan}, {seats} seats, {start} – {end}",
    "line_unused": "Unused time: {plan}, {seats} seats, {start} – {end}",
    "line_remaining": "Remaining time: {plan}, {seats} seats, {start} – {end}",
    "line_credit": "Credit from before",
    "line_carried": "Carried over to the next invoice",
    "invoice": "Invoice",
    "void": "void",
    "number": "Number",
    "issued_on": "Date",
    "due_on": "Due by",
    "contract_number": "Contract",
    "purchase_order": "Purchase order",
    "buyer": "To",
    "seller": "From",
    "description": "Description",
    "amount": "Amount",
    "subtotal": "Subtotal",
    "tax": "VAT {percent} %",
    "total": "Total",
    "bank": "Please pay to",
    "reference": "Name the number of the invoice as the reason for payment.",
}
"""Short words, as invoices need them."""
