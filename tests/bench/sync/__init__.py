"""What a sync costs: W1 to W6, each beside its floor in the same run.

Devices of W1 to W3 are real replicas; those of W4 to W6 speak bare HTTP, so that the server is what is measured. Peers
(other engines on the same work) come first, so that ratios are of one run; a part that is measured alone has none.
"""

from tests.bench.house import House
from tests.bench.sync.contacts import bench_contacts
from tests.bench.sync.crowd import bench_crowd, bench_sizes
from tests.bench.sync.day import bench_day
from tests.bench.sync.listeners import bench_listeners
from tests.bench.sync.peers import bench_peers

SYNC_PARTS = {
    "peers": bench_peers,
    "contacts": bench_contacts,
    "crowd": bench_crowd,
    "sizes": bench_sizes,
    "listeners": bench_listeners,
    "day": bench_day,
}


async def bench_sync(house: House) -> None:
    """All workloads, one after the other."""
    for part in SYNC_PARTS.values():
        await part(house)


__all__ = ["SYNC_PARTS", "bench_sync"]
