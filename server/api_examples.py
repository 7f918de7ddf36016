"""Examples for the OpenAPI document, by schema: of what is no resource of the CRM."""

from typing import Any, Final

from server.billing.examples import BILLING_EXAMPLES
from server.crm.examples import resource_examples, view_example
from server.crm.resources import MERGES, ORDERS, RESOURCES

_ID: Final = "01938a5e-0000-7000-8000-000000000001"
_OTHER_ID: Final = "01938a5e-0000-7000-8000-000000000002"
_AT: Final = "2026-11-25T12:00:00Z"
_TOKEN: Final = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMTkzIn0.c2lnbmF0dXJl"  # noqa: S105 - shows the form, opens nothing
_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the one of the specification
_ADDRESS: Final = {"line1": "Abay Ave 10", "city": "Almaty", "postal_code": "050000"}
_TAX_ID: Final = {"type": "kz_bin", "value": "990240005557"}
_BILLING_ACCOUNT: Final = {
    "provider": "transfer", "trial_ends_at": "2026-12-09T12:00:00Z", "email": "billing@acme.example",
    "accountant_email": "books@acme.example", "language": "kk", "timezone": "Asia/Almaty", "country": "KZ",
    "currency": "KZT", "legal_name": "Acme LLP", "address": _ADDRESS, "tax_ids": [_TAX_ID],
    "contract_number": "17/2026", "purchase_order": None, "problem": None,
}  # fmt: skip
_INVOICE: Final = {
    "id": "ti_01938a5e0000700080000001", "provider": "transfer", "number": "OR-2026-00017", "status": "open",
    "currency": "KZT", "subtotal_minor": 4950000, "tax_minor": 594000, "total_minor": 5544000, "paid_minor": 0,
    "refunded_minor": 0, "issued_at": _AT, "due_at": "2026-12-09T12:00:00Z", "paid_at": None,
    "period_start": _AT, "period_end": "2026-12-25T12:00:00Z",
    "pdf_url": "/billing/invoices/ti_01938a5e0000700080000001/pdf", "hosted_url": None,
}  # fmt: skip
_MY_PLAN: Final = {"plan": "team", "state": "past_due", "may_write": True, "seated": True}
_LINE: Final = {
    "line_id": _ID, "verdict": "accepted", "quantity_accepted": "12", "list_price": "7.40", "amount_minor": 8880,
    "explanation": "Accepted.",
}  # fmt: skip
_KEY: Final = {
    "id": _ID, "prefix": "ork_5hT0aK2p", "name": "ERP, nightly", "member_id": _ID,
    "scopes": ["order:read", "product:write"], "requests_per_minute": 600, "system": "erp", "created_by": _ID,
    "created_at": _AT,
    "expires_at": None, "last_used_at": None, "revoked_at": None,
}  # fmt: skip
_WEBHOOK: Final = {
    "id": _ID, "url": "https://erp.example.com/hooks", "description": None, "events": ["order.accepted"],
    "created_by": _ID, "created_at": _AT, "disabled_at": None, "disabled_reason": None, "failing_since": None,
    "secret_rotated_at": None,
}  # fmt: skip
_DELIVERY: Final = {
    "id": _ID, "event_id": _ID, "type": "order.accepted", "entity": "order", "row_id": _ID, "revision": 118,
    "state": "delivered", "attempts": 1, "created_at": _AT, "attempted_at": _AT, "next_attempt_at": None,
    "response_status": 200, "duration_ms": 48, "error": None,
}  # fmt: skip
_DEVICE: Final = {
    "id": _ID, "member_id": _ID, "name": "Ann's phone", "number_prefix": "H4YX", "enrolled_at": _AT,
    "last_seen_at": _AT, "revoked_at": None, "origin_id": None, "incarnation": 1, "cause": "enrolled", "lost": None,
    "lease_until": "2026-12-25T12:00:00Z", "past_lease": 0, "wipe_ordered_at": None, "wiped_at": None,
    "wipe_waits_for": 0, "advice": None,
}  # fmt: skip
_DUPLICATE: Final = {
    "id": _ID, "entity": "account", "row_id": _ID, "row_name": "Corner Shop", "other_id": _OTHER_ID,
    "other_name": "The Corner Shop", "kinds": ["tax_id"], "status": "open", "found_at": _AT,
}  # fmt: skip
_EXPORT: Final = {
    "id": _ID, "format": "csv", "state": "done", "created_at": _AT, "expires_at": "2026-11-26T12:00:00Z",
    "finished_at": _AT, "size_bytes": 48210,
}  # fmt: skip
_IMPORT_FILE: Final = {
    "name": "stock.csv", "target": "stock", "sha256": "0" * 64, "header": ["sku", "on hand"],
    "columns": {"sku": "product", "on hand": "quantity"}, "constants": {"warehouse": "Depot"},
    "counts": {"updated": 77},
}  # fmt: skip
_IMPORT: Final = {
    "number": 3, "source": "stock.csv", "state": "done", "system": "erp", "on_existing": "update",
    "on_duplicate": "create", "dates": None, "created_at": _AT, "created_by": _ID, "finished_at": _AT, "problem": None,
    "files": [_IMPORT_FILE],
}  # fmt: skip
_STAYED: Final = {"entity": "outlet", "row_id": _ID, "field": "account_id", "reason": "It was changed since."}
_AUTHOR: Final = {"member_id": _ID, "member": "Ann", "device_id": None, "device": None, "login": None}
_CHANGE: Final = {
    "entity": "account", "row_id": _ID, "kind": "edit", "revision": 118, "at": _AT, "captured_at": None,
    "source": "rest", "by": _AUTHOR, "field": "name", "old": "Corner Shop", "new": "The Corner Shop",
}  # fmt: skip
_RECEIPT: Final = {"attachment_id": _ID, "sha256": "7d" * 32, "size_bytes": 1068893, "received_at": _AT}
_LEASE: Final = {"token": _TOKEN, "key": "A" * 43}
_ADMITTED: Final = {"access_token": _TOKEN, "expires_in": 900, "server_time": 1795608000000000, "lease": _LEASE}

PUSH_EXAMPLE: Final = {"protocol": 1, "incarnation": 1, "acked_through": 0, "mutations": []}
PUSH_REPLY_EXAMPLE: Final = {
    "outcomes": [], "applied_through": 0, "durable_through": 0, "server_time": 1795608000000000,
}  # fmt: skip
HAND_IN_EXAMPLE: Final = {
    "protocol": 1, "device_id": _ID, "proof": "0" * 64, "incarnation": 1, "complete": True, "mutations": [],
}  # fmt: skip
EVENTS_EXAMPLE: Final = "retry: 5000\n\nevent: news\nid: 125\ndata:\n\n: still here\n\n"
HAND_IN_REPLY_EXAMPLE: Final = {"quarantined_through": 57, "missing": [], "closed": True}
PULL_EXAMPLE: Final = {"protocol": 1, "schema": 1, "cursor": 0}
PULL_REPLY_EXAMPLE: Final = {
    "puts": {}, "drops": {}, "cursor": 118, "cursor_token": _ID, "epoch": _ID, "view": "5f0c", "anew": False,
    "complete": True, "position": None, "applied_through": 0, "durable_through": 0, "incarnation": 1, "outcomes": [],
    "server_time": 1795608000000000,
}  # fmt: skip
CHECKSUM_EXAMPLE: Final[dict[str, Any]] = {
    "protocol": 1, "schema": 1, "cursor": 118, "view": "5f0c", "sums": {"account": {"count": 1, "xor": "1f" * 8}},
    "bucket": 7, "contents": {},
}  # fmt: skip
CHECKSUM_REPLY_EXAMPLE: Final = {"compared": True, "differing": [], "server_time": 1795608000000000}
JWKS_EXAMPLE: Final = {
    "keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k1", "x": "A" * 43}]
}

_OTHERS: Final[dict[str, Any]] = {
    "ApiKeyRequest": {"name": "ERP, nightly", "scopes": ["product:write", "order:read"]},
    "ApiKeyView": _KEY,
    "ApiKeyReply": {"key": "ork_5hT0aK2p…", "api_key": _KEY},
    "Author": _AUTHOR,
    "Address": _ADDRESS,
    "BillingAccountPatch": {"legal_name": "Acme LLP", "tax_ids": [_TAX_ID]},
    "BillingAccountView": _BILLING_ACCOUNT,
    "CancellationRequest": {},
    "Change": _CHANGE,
    "ChangePage": {"items": [_CHANGE], "next": None},
    "ConfirmationReply": {
        "slug": "acme", "tenant_id": _ID, "member_id": _OTHER_ID, "access_token": _TOKEN, "expires_in": 900,
    },
    "ConfirmationRequest": {"token": "AZOKXgAAcAC" + "x" * 43, "password": "correct horse battery"},
    "CodeReply": {
        "code": "7KQ2M-9XWTB", "expires_at": _AT, "url": "https://crm.example.com/t/acme/enrol#7KQ2M-9XWTB",
        "qr_svg": "<svg/>", "qr_png": "data:image/png;base64,iVBORw0KGgo=",
    },
    "CodeRequest": {"member_id": _ID},
    "DeliveryPage": {"items": [_DELIVERY], "next": None},
    "DeliveryView": _DELIVERY,
    "DeviceView": _DEVICE,
    "DismissalRequest": {},
    "DuplicateView": _DUPLICATE,
    "DuplicatesReply": {"items": [_DUPLICATE]},
    "EnrolReply": _ADMITTED | {
        "device_id": _ID, "member_id": _ID, "incarnation": 1, "number_prefix": "H4YX", "refresh_token": "x" * 70,
        "after": 0,
    },
    "EnrolRequest": {"code": "7KQ2M-9XWTB", "name": "Ann's phone", "secret": "A" * 43},
    "ExternalId": {"system": "erp", "entity": "account", "value": "C-1001", "row_id": _ID},
    "ExternalIdPage": {"items": [{"system": "erp", "entity": "account", "value": "C-1001", "row_id": _ID}]},
    "ErasureReply": {"subject": _ID, "rows": 12, "at": _AT},
    "ExportRequest": {"format": "csv"},
    "ExportView": _EXPORT,
    "FieldError": {"field": "name", "message": "Expected str, got int."},
    "HandoverReply": {"assignments": 12, "territories": 0, "drafts": 2},
    "HandoverRequest": {"successor_id": _ID},
    "ImportChange": {"columns": {"on hand": "quantity"}, "constants": {"warehouse": "Depot"}},
    "ImportFileView": _IMPORT_FILE,
    "ImportPage": {"items": [_IMPORT]},
    "ImportView": _IMPORT,
    "DeletionRequest": {"slug": "acme"},
    "DeletionView": {"waits": True, "reason": "asked", "asked_by": _ID, "due_at": "2026-12-02T12:00:00Z"},
    "BillingInvoicePage": {"items": [_INVOICE], "next": None},
    "BillingInvoiceView": _INVOICE,
    "LeaseView": _LEASE,
    "LineVerdictView": _LINE,
    "LogInReply": {"access_token": _TOKEN, "expires_in": 900, "member_id": _ID, "role": "rep"},
    "LogInRequest": {"email": "ann@example.com", "password": "correct horse battery staple"},
    "MergeRequest": {"entity": "account", "winner_id": _ID, "loser_id": _OTHER_ID, "values": {"name": "loser"}},
    "MeView": {
        "member_id": _ID, "name": "Ann", "email": "ann@example.com", "role": "rep", "device_id": None,
        "tenant": {"id": _ID, "slug": "acme"}, "plan": _MY_PLAN,
    },
    "MyPlanView": _MY_PLAN,
    "Lost": {"from": 52, "to": 54},
    "Point": {"number": 51, "digest": "0" * 64},
    "Succession": {
        "device_id": _ID, "key": _OTHER_ID, "proof": "0" * 64, "points": [{"number": 51, "digest": "0" * 64}],
    },
    "Problem": {"title": "Not Found", "status": 404, "detail": "There is nothing here.", "code": "not_found"},
    "DecisionReply": {"applied": 11, "merged": 1, "refused": 0, "parked": 0},
    "HandInReply": HAND_IN_REPLY_EXAMPLE,
    "QuarantineView": {
        "id": _ID, "device_id": _ID, "device_name": "Ann's phone", "member_id": _ID, "state": "waiting",
        "complete": True, "mutations": 12, "changes": {"order.create": 2, "order.submit": 2}, "handed_in_at": _AT,
        "decided_by": None, "decided_at": None, "parked": 0,
    },
    "Receipt": _RECEIPT,
    "ResendReply": {"message": "If this address has signed up, its link is on its way again."},
    "ResendRequest": {"email": "ann@acme.example"},
    "SignUpRequest": {
        "email": "ann@acme.example", "name": "Ann", "company": "Acme", "slug": "acme",
        "language": "kk", "country": "KZ", "currency": "KZT",
        "timezone": "Asia/Almaty",
    },
    "SignUpView": {"id": _ID, "state": "waiting", "message": "We are sending you a link."},
    "SlugView": {"slug": "acme", "available": False, "reason": "This address is taken. Choose another."},
    "ReplayReply": {"deliveries": 12},
    "ReplayRequest": {"since": "2026-11-24T00:00:00Z", "until": _AT},
    "RotationReply": {"secret": _SECRET},
    "SettlementRequest": {"choice": "keep"},
    "StayedView": _STAYED,
    "SubmissionReply": {"order": view_example(ORDERS.entity), "lines": [_LINE]},
    "SubmissionRequest": {"seen_total_minor": 8880},
    "SweepReply": {"sent": True},
    "SweepRequest": {},
    "TaxId": _TAX_ID,
    "TenantView": {"id": _ID, "slug": "acme"},
    "TokenReply": _ADMITTED | {"refresh_token": "x" * 70},
    "TokenRequest": {"device_id": _ID, "refresh_token": "x" * 70, "proof": "0" * 64},
    "UndoReply": {"merge": view_example(MERGES.entity), "stayed": [_STAYED]},
    "UndoRequest": {},
    "UploadView": {"offset_bytes": 1068893, "size_bytes": 1068893, "receipt": _RECEIPT},
    "WipeReceipt": {
        "device_id": _ID, "proof": "0" * 64, "pushed_first": True, "erased_at": 1795608000000000, "files": 4,
        "size_bytes": 8192000, "lost_mutations": 0,
    },
    "WipeReply": {"wiped": True},
    "WipeRequest": {"now": False},
    "WebhookPatch": {"enabled": True},
    "WebhookReply": {"secret": _SECRET, "webhook": _WEBHOOK},
    "WebhookRequest": {"url": "https://erp.example.com/hooks", "events": ["order.accepted", "*.deleted"]},
    "WebhookView": _WEBHOOK,
}  # fmt: skip


def schema_examples() -> dict[str, Any]:
    """An example of each schema, by its name."""
    mutation = {"number": 1, "digest": "0" * 64, "captured_at": 1795608000000000, "skew": 0, "changes": []}
    bodies = {"PushBody": PUSH_EXAMPLE, "PullBody": PULL_EXAMPLE, "HandInBody": HAND_IN_EXAMPLE}
    bodies |= {"ChecksumBody": CHECKSUM_EXAMPLE, "SumBody": CHECKSUM_EXAMPLE["sums"]["account"]}
    found = (
        _OTHERS | BILLING_EXAMPLES | bodies | {"MutationBody": mutation, "QuarantinedMutations": {"items": [mutation]}}
    )
    for resource in RESOURCES:
        found |= resource_examples(resource)
    return found
