"""What processes cost: processor time and peak memory, as Linux counts them; elsewhere nothing is told."""

import os
import re
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used, its own and the system's for it; 0 where nobody says."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_mb(pid: int) -> float | None:
    """Largest resident memory so far."""
    return _status_mb(pid, "VmHWM")


def private_mb(pid: int) -> float | None:
    """Memory of its own now, without what it shares: of a backend of PostgreSQL, all but the buffers."""
    return _status_mb(pid, "RssAnon")


def _status_mb(pid: int, key: str) -> float | None:
    try:
        found = re.search(rf"^{key}:\s+(\d+) kB$", (_PROC / str(pid) / "status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None
