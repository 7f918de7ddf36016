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
    "trial_ends_soon": (
        "Your trial ends on {date}",
        """
Hello,

the trial of “{company}” ends on {date}. Afterwards it goes on as the free tier: up to {free_seats} people, {free_records} records. Nothing is deleted, and what is captured on devices is kept in any case.

To go on as now, choose a plan; from {price} a seat and month:

{link}
""",
    ),
    "trial_ended": (
        "Your trial has ended",
        """
Hello,

the trial of “{company}” ended on {date}. It goes on as the free tier: up to {free_seats} people, {free_records} records. Nothing was deleted.

For more, choose a plan; from {price} a seat and month:

{link}
""",
    ),
    "payment_failed": (
        "A payment of {amount} did not succeed",
        """
Hello,

the payment of {amount} for “{company}”, due on {date}, did not succeed. Everything works as before. Please enter another card, or pay the open invoice, by {next_date}:

{link}
""",
    ),
    "overdue": (
        "An invoice of {amount} is due",
        """
Hello,

{amount} for “{company}” were due on {date}, and have not reached us. Everything works as before. If you have paid meanwhile, there is nothing to do; otherwise please do by {next_date}. The invoice:

{link}
""",
    ),
    "grace": (
        "{amount} are still open: no new seats for now",
        """
Hello,

{amount} for “{company}” have been open since {date}. Until they are paid, no people or devices can be added. From {next_date} on the workspace will be read-only; what is captured on devices is kept in any case.

Please pay here:

{link}
""",
    ),
    "restricted": (
        "“{company}” is read-only now",
        """
Hello,

{amount} for “{company}” have been open since {date}. The workspace is read-only now: everything can be seen and exported. What your people capture on their devices is taken and kept, and counts once the payment has come.

Please pay here; all opens again at once:

{link}
""",
    ),
    "restricted_dispute": (
        "“{company}” is read-only now",
        """
Hello,

the bank took a payment for “{company}” back. The workspace is read-only now: everything can be seen and exported. What your people capture on their devices is taken and kept, and counts once a payment has come.

Please settle it here:

{link}
""",
    ),
    "cancelled": (
        "“{company}” has ended; data are deleted on {delete_date}",
        """
Hello,

the subscription of “{company}” ended on {date}. Everything can be seen and exported until {delete_date}; then it is deleted for good.

To go on, choose a plan again: all is as it was. Or fetch an export:

{link}
""",
    ),
    "deletion_soon": (
        "Last call: “{company}” is deleted on {delete_date}",
        """
Hello,

on {delete_date} all data of “{company}” are deleted for good, with everything on its devices that was sent to us. Nobody can bring them back then.

Until then you can fetch an export, or keep the workspace:

{link}
""",
    ),
    "renewal": (
        "Your subscription renews on {date} for {amount}",
        """
Hello,

the yearly subscription of “{company}” ({plan}, {seats} seats) renews on {date} for {amount}, plus tax where it is due. If that is what you want, there is nothing to do.

To change or end it before that day:

{link}
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
