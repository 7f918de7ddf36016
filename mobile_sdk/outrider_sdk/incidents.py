"""What happened to the replica as such, and its person should know: kept until they have seen it."""

import json
from typing import Any

from outrider_sdk.protocol import Choice
from outrider_sdk.store import Store

KEPT_MAX = 20
SEEN: list[Choice] = [{"code": "seen", "label": "I have seen this"}]

TITLES = {
    "began_anew": "This device was copied or restored",
    "history_lost": "Work on this device was lost",
    "server_restored": "The server was restored from a backup",
}


def note(store: Store, code: str, at: int, **facts: Any) -> None:
    """Keep an incident, within the caller's transaction."""
    kept = list_incidents(store)
    serial = store.meta_int("incident_serial") + 1
    kept.append({"id": f"incident-{serial}", "code": code, "at": at, **facts})
    store.set_meta(incidents=json.dumps(kept[-KEPT_MAX:]), incident_serial=serial)


def list_incidents(store: Store) -> list[dict[str, Any]]:
    """Those that nobody has seen yet, oldest first."""
    return list(json.loads(store.meta("incidents") or "[]"))


def forget(store: Store, incident_id: str) -> None:
    """The person has seen it."""
    with store.write():
        kept = [each for each in list_incidents(store) if each["id"] != incident_id]
        store.set_meta(incidents=json.dumps(kept))


def explain(incident: dict[str, Any]) -> str:
    """What happened, in words."""
    match incident["code"]:
        case "history_lost" if incident["last"] is None:
            return (
                "The file with your work is new, or an older copy: what was captured on this device and not handed in "
                "before is gone. Look through your last day, and enter again what is missing."
            )
        case "history_lost":
            return (
                f"Changes no. {incident['first']} to {incident['last']} could not be read any more and were not handed "
                "in. Look through what you did last, and enter again what is missing."
            )
        case "server_restored":
            return (
                f"It lost what came after its backup. This device has handed in {incident['count']} changes again; "
                "what others entered may take a while to return."
            )
        case _:
            return (
                "The office knew other work of this device. Nothing was lost: what you captured here was handed in "
                f"too. New orders are numbered {incident['prefix']}-…"
            )
