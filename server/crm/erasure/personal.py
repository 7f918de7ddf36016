"""What is personal: which fields of which entities, and what stands in their place once a person is erased."""

from typing import Any, Final

from outrider_sdk.protocol.entities import ENTITIES

NAME: Final = "Erased person"
TEXT: Final = "erased"

_BLANKS: Final[dict[str, dict[str, Any]]] = {
    "contact": {"name": NAME, "job_title": None, "language": None, "description": None},
    "contact_channel": {"value": TEXT, "label": None},
    "consent": {"evidence": None},
    "comment": {"body": TEXT},
    "attachment": {"name": TEXT, "sha256": ""},
    "conflict": {
        "kept": None,
        "lost": None,
        "seen": None,
        "status": "settled",
        "explanation": "What stood here was about a person who was erased.",
    },
    "member": {"name": NAME, "email": None, "identity_id": None},
}

BLANKS: Final = {name: blanks | {"custom": "{}"} for name, blanks in _BLANKS.items() if name in ENTITIES}
"""By entity, the columns with personal content, and what they hold afterwards."""

BELONGING: Final[tuple[tuple[str, str], ...]] = tuple(
    (name, column)
    for name in ("contact_channel", "consent")
    if name in ENTITIES
    for column, target in ENTITIES[name].references.items()
    if target == "contact"
)
"""Entities that are a contact's own, each with the column that says whose."""

BESIDE: Final[tuple[str, ...]] = tuple(name for name in ("comment", "attachment", "conflict") if name in ENTITIES)
"""Entities whose rows are about a row of any entity, by `row_id`."""
