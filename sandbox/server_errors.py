"""Why a database server cannot be used: an error with the status that RDS shows for it.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
"""

import errno

import pymysql

from sandbox.errors import SandboxError

# What working on a database server may fail with.
ERRORS = (SandboxError, pymysql.MySQLError, OSError)

# How servers and systems say that the disk is full.
FULL = ("no space left on device", "disk is full", "disk full", "errno: 28", "error number 28")

# After this command the sandbox tries again with all data.
TRY_AGAIN = "Then type: python -m sandbox stop; python -m sandbox start"


class ServerFailed(SandboxError):
    """A database server does not start, or cannot be used.

    Attributes:
        status: what DescribeDBInstances shows.
    """

    status = "failed"


class StorageFull(ServerFailed):
    """The disk has no room for the database."""

    status = "storage-full"


class WrongServer(ServerFailed):
    """The data were written by another kind of server, or by a newer version."""


class FailoverAbandoned(ServerFailed):
    """No reader can take over without losing rows; the writer is the same as before."""


def is_full(text: str) -> bool:
    """Whether a message says that the disk is full."""
    return any(words in text.lower() for words in FULL)


def as_server_failed(error: BaseException) -> ServerFailed:
    """The same error with the status that RDS would show."""
    if isinstance(error, ServerFailed):
        return error
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or is_full(str(error)):
        return StorageFull(f"The disk is full: {error}. Free some space. {TRY_AGAIN}")
    return ServerFailed(f"{str(error).rstrip('.')}. {TRY_AGAIN}")
