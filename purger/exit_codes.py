"""Defines the exit codes of the command line `purger`."""

from enum import IntEnum


class ExitCode(IntEnum):
    """An exit code. Click ends with 1 for an error of the database and with 2 for an error of usage."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    ATTENTION = 3  # done in part, or in need of attention
    SERVED = 4  # an edge served a banned image
