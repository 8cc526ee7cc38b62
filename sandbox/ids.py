"""Makes ids reproducible: the n-th call of an operation always draws the same random numbers."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from moto.moto_api._internal import mock_random

# What these make must not be guessable: their answers hold a secret.
SECRET = {
    "iam:CreateAccessKey",
    "sts:AssumeRole",
    "sts:GetSessionToken",
    "sts:GetFederationToken",
    "secretsmanager:GetRandomPassword",
}


SEED = "aws-databases"


@contextmanager
def drawn_apart(name: str) -> Iterator[None]:
    """Draw from another seed, and go on with the random numbers of before.

    For what a service makes when it is loaded, such as the default VPC: its ids do not depend on
    the call that loads the service, and that call draws the same ids as when it was loaded before.
    """
    state = mock_random.getstate()
    mock_random.seed(f"{SEED}:{name}")
    try:
        yield
    finally:
        mock_random.setstate(state)


class ReproducibleIds:
    """Seeds moto's one random generator anew for each request.

    The seed depends on the operation and on how often it was called before, and on nothing else:
    a student's extra cell, or a waiter that polls once more, does not change the ids that a page
    prints.

    Args:
        seed: where they come from.
        calls: how often each operation was called already.
    """

    def __init__(self, seed: str = SEED, calls: Mapping[str, int] | None = None):
        self._seed = seed
        self._calls: Counter[str] = Counter(calls)

    def before(self, service: str, operation: str) -> tuple[str, int]:
        """Seed for the next call of this operation; return its name and its number."""
        name = f"{service}:{operation}"
        self._calls[name] += 1
        if name in SECRET:
            mock_random.seed(secrets.token_bytes(32))
        else:
            mock_random.seed(f"{self._seed}:{name}:{self._calls[name]}")
        return name, self._calls[name]
