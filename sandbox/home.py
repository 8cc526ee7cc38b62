"""Where a sandbox keeps its things: the folders and files under its home, and who is using it."""

import fnmatch
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from sandbox.errors import SandboxError
from sandbox.private_files import keep_private, write_private

MARKER_TEXT = (
    "The home of a sandbox: python -m sandbox start, stop, reset. Delete all of it or none.\n"
)
# What a home held before homes had a marker, and what the system may add to any folder.
UNMARKED_HOME = (
    *(".gitignore", "token", "lock", "log", "running.json", "settings.json", "account.db*"),
    *("aws", "bastions", "certificates", "databases", "*.new"),
)
OF_THE_SYSTEM = (".DS_Store", "._*", "Thumbs.db", "desktop.ini", "lost+found")
# A start takes up to a minute, and a second command waits for it.
COMMAND_TIMEOUT = 90.0


def default_home() -> Path:
    """`$SANDBOX_HOME`, else `.sandbox` in the project's folder."""
    named = os.environ.get("SANDBOX_HOME")
    return Path(named).expanduser().resolve() if named else Path(__file__).parents[1] / ".sandbox"


@dataclass(frozen=True)
class Home:
    """One sandbox's folder; readable by its owner only, since keys and passwords live in it."""

    folder: Path

    @property
    def running_file(self) -> Path:
        """Says which process serves this home, and where; written when it is ready."""
        return self.folder / "running.json"

    @property
    def settings_file(self) -> Path:
        """What is to stay the same from one start to the next: the port."""
        return self.folder / "settings.json"

    @property
    def lock_file(self) -> Path:
        """Held by the serving process for as long as it lives."""
        return self.folder / "lock"

    @property
    def log_file(self) -> Path:
        """What the serving process has to say; `python -m sandbox logs` prints it."""
        return self.folder / "log"

    @property
    def account(self) -> Path:
        """The account: what `sandbox.journal` keeps."""
        return self.folder / "account.db"

    @property
    def databases(self) -> Path:
        """One folder for each cluster, in it one data folder for each database server."""
        return self.folder / "databases"

    @property
    def databases_in_memory(self) -> Path:
        """The same for an account that is not kept: apart, since no account names them later."""
        return self.folder / "databases-in-memory"

    @property
    def aws(self) -> Path:
        """The AWS `config` and `credentials` files of the sandbox's own account."""
        return self.folder / "aws"

    @property
    def marker(self) -> Path:
        """The file that says that this folder is a home."""
        return self.folder / ".sandbox-home"

    def prepare(self) -> None:
        """Make the folder a home, for its owner only.

        Raises:
            SandboxError: the folder holds something else, or cannot be made or written. Nothing in
                it has been changed then.
        """
        self.check()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.marker.exists():
                write_private(self.marker, MARKER_TEXT)
            if not (self.folder / ".gitignore").exists():
                (self.folder / ".gitignore").write_text("*\n")
            if sys.platform != "win32":
                self.folder.chmod(0o700)
        except OSError as error:
            raise self._unusable(error) from error

    def check(self) -> None:
        """See that the folder is a home or can become one: it is missing, or empty, or marked.

        Raises:
            SandboxError: it holds something else, or cannot be read.
        """
        try:
            names = sorted(each.name for each in self.folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable(error) from error
        if self._is_home(names):
            return
        others = [n for n in names if not _matches(n, (*OF_THE_SYSTEM, f".{self.marker.name}.*"))]
        if others:
            others.sort(key=lambda name: _matches(name, UNMARKED_HOME))
            shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            raise SandboxError(
                f"{self.folder} is not a folder of the sandbox: it holds {shown}. Nothing was "
                "changed. Name a new or an empty folder: python -m sandbox start --home FOLDER"
            )

    def is_there(self) -> bool:
        """Whether the folder is a home already."""
        return self.folder.is_dir() and self._is_home([each.name for each in self.folder.iterdir()])

    def _is_home(self, names: list[str]) -> bool:
        return self.marker.name in names or _is_unmarked_home(names)

    @contextmanager
    def command_lock(self) -> Iterator[None]:
        """Have one `start`, `stop` or `reset` at a time; a second one waits for the first.

        Raises:
            SandboxError: the first one does not end.
        """
        lock = FileLock(self.folder / "command.lock", mode=0o600)
        try:
            lock.acquire(timeout=COMMAND_TIMEOUT)
        except Timeout as error:
            raise SandboxError(
                f"Another start, stop or reset of {self.folder} has not ended within "
                f"{COMMAND_TIMEOUT:g} seconds. Try again, or look: python -m sandbox logs"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def token(self) -> str:
        """The secret that only this user can read, and that `stop` shows to the process."""
        return keep_private(self.folder / "token", lambda: secrets.token_urlsafe(32))

    def running(self) -> dict | None:
        """What `running.json` says, if the process it names is alive and is a sandbox."""
        said = read_json(self.running_file)
        return said if said and self.is_alive(said) else None

    def _unusable(self, error: OSError) -> SandboxError:
        return SandboxError(
            f"The sandbox cannot use the folder {self.folder}: {error.strerror}. "
            "Name another: python -m sandbox start --home FOLDER"
        )

    def is_alive(self, running: dict) -> bool:
        """Whether the process that `running.json` names is there, and serves this home.

        What it was started with tells it from a later process that was given the same number; a
        clock that is set tells nothing. A process that has ended and that nobody has asked after
        yet (a zombie) is not alive.
        """
        try:
            process = psutil.Process(running["pid"])
            arguments = process.cmdline()
            return (
                "serve" in arguments
                and str(self.folder) in arguments
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


def _is_unmarked_home(names: list[str]) -> bool:
    known = all(_matches(name, (*UNMARKED_HOME, *OF_THE_SYSTEM)) for name in names)
    return known and ("token" in names or "account.db" in names)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def read_json(file: Path) -> dict | None:
    """The object in a JSON file; None where there is no such file, or half a one."""
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
