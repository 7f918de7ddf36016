"""Serve the simulator until interrupted: `python -m tests.stripe --port 12111 --clock 2027-01-31T10:00:00Z`."""

import argparse
import signal
import sys
import threading
from datetime import datetime

from tests.stripe import StripeSimulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--clock", type=datetime.fromisoformat, help="stand still at this moment until advanced")
    arguments = parser.parse_args()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with StripeSimulator.running(clock=arguments.clock, port=arguments.port) as simulator:
        sys.stdout.write(f"Stripe is simulated at {simulator.url}\n")
        sys.stdout.flush()
        done.wait()


if __name__ == "__main__":
    main()
