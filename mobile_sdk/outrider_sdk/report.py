"""What a sync tells: how far it is, and what it did."""

from collections.abc import Callable
from dataclasses import dataclass, field

from outrider_sdk.attention import AttentionItem
from outrider_sdk.errors import OutriderError
from outrider_sdk.protocol import Outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: mutations pushed of those to push, or rows pulled (their total is not known before)."""

    phase: str
    done: int
    total: int | None = None

    def __str__(self) -> str:
        return f"{self.phase}: {self.done}" + (f" of {self.total}" if self.total is not None else "")


@dataclass(slots=True)
class SyncReport:
    """What a sync did. `needs_attention` lists everything that waits for a person, also from before."""

    pushed: int = 0
    applied: int = 0
    merged: int = 0
    refused: int = 0
    pages: int = 0
    rows_put: int = 0
    rows_dropped: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0
    cursor: int = 0
    begun_anew: bool = False
    """The file was copied, restored or damaged, and goes on as another device (`attention` says more)."""
    parked: int = 0
    """Mutations that a restored server keeps waiting for what other devices hand in again; the next sync asks anew."""
    handed_in_again: int = 0
    """Mutations that the server had acknowledged before it was restored from a backup."""
    repaired: list[str] = field(default_factory=list)
    """Entities in which the replica differed from the server, and was replaced."""
    differing: list[str] = field(default_factory=list)
    """Entities in which it still differs: a repair did not help, or was made today already."""
    contents_uploaded: int = 0
    contents_failed: OutriderError | None = None
    """Why contents of attachments still wait: the next sync, or `crm.attachments.upload()`, goes on with them."""
    needs_attention: list[AttentionItem] = field(default_factory=list)

    def count(self, outcomes: list[Outcome]) -> None:
        """Add outcomes that were news."""
        for outcome in outcomes:
            setattr(self, outcome["status"], getattr(self, outcome["status"]) + 1)


OnProgress = Callable[[Progress], object]
