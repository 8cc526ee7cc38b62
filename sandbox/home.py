"""Where a sandbox keeps its things: the folders and files under its home, and who is using it."""

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox.errors import SandboxError


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

    def prepare(self) -> None:
        """Make the folder, for its owner only.

        Raises:
            SandboxError: where it cannot be made or written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if sys.platform != "win32":
                self.folder.chmod(0o700)
            (self.folder / ".gitignore").write_text("*\n")
        except OSError as error:
            raise SandboxError(
                f"The sandbox cannot use the folder {self.folder}: {error.strerror}. "
                "Name another: python -m sandbox start --home FOLDER"
            ) from error

    def token(self) -> str:
        """The secret that only this user can read, and that `stop` shows to the process."""
        file = self.folder / "token"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(32))
        return file.read_text()

    def running(self) -> dict | None:
        """What `running.json` says, if the process it names is alive and is a sandbox."""
        said = read_json(self.running_file)
        return said if said and self.is_alive(said) else None

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


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    fresh.replace(file)


def read_json(file: Path) -> dict | None:
    """The object in a JSON file; None where there is no such file, or half a one."""
    try:
        return json.loads(file.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
