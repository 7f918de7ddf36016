"""The reps' devices: the real SDK with a real file each, over a network that can lose a reply."""

from pathlib import Path
from typing import Any

from outrider_sdk import FileCredentials, HttpTransport, Offline, Replica, SyncReport
from outrider_sdk.protocol import Outcome, PushReply, PushRequest

from server.demo.seed import DEMO_SLUG, DemoMember


class UnreliableTransport(HttpTransport):
    """The SDK's HTTP, listened to; on demand the answer to a push is lost after the server has done its work."""

    def __init__(self, credentials: FileCredentials) -> None:
        super().__init__(credentials)
        self.lose_next_reply = False
        self.outcomes: dict[int, Outcome] = {}
        """Number of a mutation → what the server said of it, when the device got to hear it."""
        self.repeated = 0
        """Mutations that were sent again because of a lost reply."""
        self._lost: set[int] = set()

    def push(self, request: PushRequest) -> PushReply:
        """Push; the reply may be lost."""
        numbers = {mutation["number"] for mutation in request["mutations"]}
        self.repeated += len(numbers & self._lost)
        reply = super().push(request)
        if self.lose_next_reply and numbers:
            self.lose_next_reply = False
            self._lost |= numbers
            raise Offline("The connection broke before the answer was there.")
        self.outcomes |= {outcome["number"]: outcome for outcome in reply["outcomes"]}
        return reply


class Device:
    """One member's device."""

    def __init__(self, server_url: str, member: DemoMember, code: str, folder: Path) -> None:
        self.member = member
        self.name = member.name
        self.path = folder / f"{member.email.partition('@')[0]}.db"
        with Replica.open(self.path) as replica:
            replica.enrol(server=server_url, tenant=DEMO_SLUG, code=code, name=f"{member.name}'s phone")
        self.transport = UnreliableTransport(FileCredentials.beside(self.path))
        self.crm = Replica.open(self.path, transport=self.transport)

    def sync(self) -> SyncReport:
        """Sync, as the person would."""
        return self.crm.sync()

    def close(self) -> None:
        """Close the replica."""
        self.crm.close()

    def outcome(self, number: int | None) -> dict[str, Any]:
        """What the server said of a mutation."""
        assert number is not None
        return dict(self.transport.outcomes[number])
