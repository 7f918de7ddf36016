"""`python -m server.cli`: the same as `outrider`."""

from server.cli import main

main(prog_name="outrider")
