"""What a page of the course imports: connect, tunnel, wait, tabulate, draw, check.

None of it hides the AWS call that a page teaches: that one stands in the page's own cells.
"""

from helpers.catch_up import catch_up
from helpers.checks import check, verdict
from helpers.database import engine
from helpers.drawing import network_map
from helpers.errors import CourseError
from helpers.existing import COURSE, find, keep_existing, tagged
from helpers.keys import key_file, password
from helpers.network import can_reach, describe_account
from helpers.progress import wait_for
from helpers.session import connect, my_address, ssh_address
from helpers.tables import facts, table
from helpers.tunnel import tunnel

__all__ = [
    "COURSE",
    "CourseError",
    "can_reach",
    "catch_up",
    "check",
    "connect",
    "describe_account",
    "engine",
    "facts",
    "find",
    "keep_existing",
    "key_file",
    "my_address",
    "network_map",
    "password",
    "ssh_address",
    "table",
    "tagged",
    "tunnel",
    "verdict",
    "wait_for",
]
