"""Looking for what is wrong with a replica."""

from outrider_sdk import chain, overlay, store
from outrider_sdk.store import Store


def list_problems(replica: Store) -> list[str]:
    """What is wrong with the file, the outbox and what is shown; see `Replica.verify`. Changes nothing."""
    with replica.read() as conn:
        damage = store.check(conn)
        problems = [damage] if damage else []
        problems += chain.broken_links(replica, conn)
        conn.execute("BEGIN IMMEDIATE")
        try:
            shown = overlay.visible_of_shadowed(conn)
            overlay.recompute(conn)
            computed = overlay.visible_of_shadowed(conn)
        finally:
            conn.execute("ROLLBACK")
    wrong = [key for key, row in computed.items() if shown[key] != row]
    return problems + [f"{entity} {row_id} is not base plus overlay" for entity, row_id in wrong]
