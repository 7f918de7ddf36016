"""Why a mutation is refused: a code for programs, words for the person, and what they can do (S12)."""

from typing import Any, Final

CHOICE_LABELS = {
    "discard": "Discard my change",
    "edit": "Correct it and send it again",
    "revise": "Make a new order from this one",
    "again": "Look at it again",
    "update": "Update the app",
    "report": "Report it to support",
}

_CHOICES = {
    "not_found": ("discard",),
    "not_permitted": ("discard",),
    "field_not_writable": ("discard",),
    "field_unknown": ("discard", "update"),
    "entity_unknown": ("discard", "update"),
    "change_malformed": ("discard", "update"),
    "value_invalid": ("edit", "discard"),
    "already_exists": ("discard",),
    "parent_missing": ("discard",),
    "builds_on_refused": ("discard",),
    "transition_illegal": ("discard", "revise"),
    "order_empty": ("edit", "discard"),
    "conflict_stale": ("again", "discard"),
    "conflict_settled": ("discard",),
    "erased": ("discard",),
    "poison": ("report", "discard"),
    "refused_before": ("edit", "discard"),
    "quarantine_discarded": ("edit", "discard"),
}


QUOTED_LENGTH_MAX = 60


_KINDS: Final = {dict: "object", list: "list", bool: "boolean", int: "number", float: "number", type(None): "null"}
"""What is no text, by the words of JSON: a client in any language knows them."""


def quoted(value: Any) -> str:
    """What a device sent, fit to stand in an explanation: short, printable, and in quotation marks."""
    text = value if isinstance(value, str) else _KINDS.get(type(value), "something else")
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text[:QUOTED_LENGTH_MAX])
    return f"“{shown}”" if len(text) <= QUOTED_LENGTH_MAX else f"“{shown}…”"


class Refusal(Exception):
    """Ends the decision of one mutation; nothing of it is kept."""

    def __init__(self, code: str, explanation: str, **details: Any) -> None:
        super().__init__(explanation)
        self.code = code
        self.explanation = explanation
        self.details = details

    def outcome(self, mutation: dict[str, Any]) -> dict[str, Any]:
        """The outcome as it travels."""
        return {
            "number": mutation["number"],
            "digest": mutation["digest"],
            "status": "refused",
            "code": self.code,
            "explanation": self.explanation,
            "choices": [{"code": c, "label": CHOICE_LABELS[c]} for c in _CHOICES[self.code]],
            **self.details,
        }
