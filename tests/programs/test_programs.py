"""Programs like AWS's published ones run to the end; only the environment leads them here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunningSandbox

HERE = Path(__file__).parent
WANTED = {
    "dynamodb_movies.py": [
        "table: ACTIVE doc-example-movies",
        "loaded: 8 in all: 9",
        "updated: 8.5",
        "got: Amelie A waitress in Paris.",
        "of 2013: Gravity, Prisoners, Rush",
        "from A to L: ['Alfonso Cuaron']",
        "from 1950 to 1990: ['Back to the Future', 'Rear Window', 'Solaris']",
        "not deleted: ConditionalCheckFailedException",
        "deleted: Contact",
        "table: gone",
    ],
    "dynamodb_partiql.py": [
        "again: DuplicateItemException",
        "rating: [{'info': {'M': {'rating': {'N': '8'}}}}]",
        "rating: [{'info': {'M': {'rating': {'N': '9'}}}}]",
        "left: []",
        "batch: ['Hitchcock', 'Hitchcock', 'Hitchcock']",
        "named: ['Vertigo', 'Psycho']",
        "left: []",
        "table: gone",
    ],
    "dynamodb_orders.py": [
        "first: done",
        "the same again: done",
        "too many: cancelled: ConditionalCheckFailed",
        "left: 2",
        "stream: [('INSERT', 'stock'), ('MODIFY', 'stock'), ('INSERT', 'order-1')]",
        "table: gone",
    ],
}


@pytest.mark.parametrize("program", sorted(WANTED))
def test_a_published_sort_of_program_runs_to_the_end(sandbox: RunningSandbox, program: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / program)],
        env={**os.environ, **sandbox.environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == WANTED[program]
