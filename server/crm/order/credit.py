"""What the credit of agreements has left, as the database knows it; the rule is `rules.exceeds_credit`.

Used up by open receivables, and by orders that were accepted and not shipped: from shipping on, an order's debt is its
receivable. Given back by what payments have not paid yet.
"""

from collections.abc import Collection
from typing import Final

from server.crm.order.rules import Credit
from server.db import connection

_CREDITS: Final = """
SELECT a.id::text, a.account_id::text, a.legal_entity_id::text, a.currency, a.credit_limit_minor,
    (SELECT coalesce(sum(r.balance_minor), 0) FROM receivable r WHERE r.account_id = a.account_id
        AND r.legal_entity_id = a.legal_entity_id AND r.currency = a.currency AND r.deleted_at IS NULL)
    + (SELECT coalesce(sum(o.total_minor), 0) FROM "order" o WHERE o.account_id = a.account_id
        AND o.legal_entity_id = a.legal_entity_id AND o.currency = a.currency AND o.deleted_at IS NULL
        AND o.status IN ('accepted', 'partly_accepted'))
    - (SELECT coalesce(sum(p.amount_minor - p.allocated_minor), 0) FROM payment p WHERE p.account_id = a.account_id
        AND p.legal_entity_id = a.legal_entity_id AND p.currency = a.currency AND p.deleted_at IS NULL
        AND p.reversal_of_id IS NULL
        AND NOT EXISTS (SELECT FROM payment v WHERE v.reversal_of_id = p.id AND v.deleted_at IS NULL)
        AND NOT EXISTS (SELECT FROM conflict c WHERE c.row_id = p.id AND c.field = 'receipt_number'
            AND c.status = 'open' AND c.deleted_at IS NULL)) AS used
FROM agreement a WHERE a.id = ANY ($1::uuid[]) AND a.credit_limit_minor IS NOT NULL"""


async def load_credits(agreement_ids: Collection[str]) -> dict[str, Credit]:
    """Agreement → its credit; only of those that have a limit."""
    records = await connection().fetch(_CREDITS, list(agreement_ids)) if agreement_ids else ()
    return {r[0]: Credit((r[1], r[2], r[3]), int(r[4]), int(r[5])) for r in records}
