"""Fuzzes one target until libFuzzer's limits end it.

usage: python -m tests.fuzz.one TARGET [libFuzzer's options and folders of its corpus]
"""

import sys

import atheris

with atheris.instrument_imports(include=["outrider_sdk", "server.sync", "urllib.parse"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Until something is found, or time is over."""
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
