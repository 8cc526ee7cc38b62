"""Thousands of malformed requests to a running sandbox: refused, and nothing is left behind.

MALFORMED_REQUESTS=10000 .venv/bin/python -m pytest tests/sandbox/test_malformed.py
"""

import os

from tests.conftest import RunningSandbox
from tests.sandbox.malformed import KINDS, attack

COUNT = int(os.environ.get("MALFORMED_REQUESTS", "600"))
# What the second half of the requests may leave: the largest bodies are some megabytes, and the
# allocator keeps what a few of them took at once.
MOST_LEFT = 64 * 1024 * 1024


def test_malformed_requests_are_refused_and_leave_nothing(sandbox: RunningSandbox) -> None:
    status = sandbox.status()
    outcome = attack(status["endpoint_url"], status["pid"], COUNT)
    assert not outcome.wrong
    assert {kind for kind, _ in outcome.statuses} == {kind.__name__ for kind in KINDS}
    assert outcome.grown < MOST_LEFT, outcome.memory
    # The next good requests are answered, by the same process.
    assert sandbox.client("dynamodb").list_tables()["TableNames"] == ["malformed"]
    assert sandbox.client("rds").describe_db_clusters()["DBClusters"] == []
    assert sandbox.status()["pid"] == status["pid"]
