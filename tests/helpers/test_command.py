"""`python -m helpers`: the same calls from a terminal."""

import pytest
from click.testing import CliRunner, Result

from helpers.__main__ import main
from tests.conftest import RunningSandbox


def run(*words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, list(words), input=answer)


def test_a_lesson_from_the_terminal(sandbox: RunningSandbox) -> None:
    """One scenario, because a sandbox of its own takes each test seconds."""
    result = run("check", "3.3")
    assert result.exit_code == 1
    assert "us-east-1" in result.output and "page 3.3, step 1" in result.output

    result = run("catch-up", "3.4")
    assert result.exit_code == 0
    assert "3.3 · Starting the lab …" in result.output
    assert "Ready for page 3.4: 3.3 done now (1 thing made)." in result.output
    assert "Ready for page 3.4: 3.3 in place." in run("catch-up", "3.4").output
    assert run("check", "3.3").exit_code == 0
    assert "Starting the lab     yes" in run("progress").output

    result = run("clean-up", answer="n\n")
    assert result.exit_code == 1
    assert "MusicExample" in result.output and "Page 3.19" not in result.output
    assert run("check", "3.3").exit_code == 0
    result = run("clean-up", "--yes")
    assert result.exit_code == 0
    assert result.output.endswith(
        "Done: nothing of the course is left in this account and region.\n"
    )


@pytest.mark.parametrize("words", [("catch-up", "7.7"), ("check", "7.7")])
def test_what_goes_wrong_is_a_sentence(sandbox: RunningSandbox, words: tuple[str, str]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert "7.7" in result.output and "Traceback" not in result.output
