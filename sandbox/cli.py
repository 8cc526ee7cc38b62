"""The commands: start, stop, status, reset, logs, install.

What one command alone needs is imported in it: a notebook waits for `start`.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import click
import psutil

from sandbox.errors import SandboxError
from sandbox.home import Home, default_home
from sandbox.pace import PaceName

START_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0


class Command(click.Group):
    """Shows a SandboxError as one sentence, not as a traceback."""

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(context)
        except SandboxError as error:
            raise click.ClickException(str(error)) from error


home_option = click.option(
    "--home", type=click.Path(path_type=Path), help="Its folder. Default: $SANDBOX_HOME, .sandbox"
)
port_option = click.option(
    "--port", type=int, help="Where to listen. Default: the same as last time, or a free one."
)
pace_option = click.option(
    "--pace",
    type=click.Choice(get_args(PaceName)),
    default=lambda: os.environ.get("SANDBOX_PACE", "lesson"),
    help="How long things take: instant, lesson (seconds; the default), aws (minutes).",
)


@click.group(cls=Command)
def main() -> None:
    """A local AWS account for the course: real databases and bastions on 127.0.0.1."""


memory_option = click.option(
    "--in-memory", is_flag=True, help="Keep no account on disk: it is empty after a stop."
)


@main.command()
@home_option
@port_option
@pace_option
@memory_option
def start(home: Path | None, port: int | None, pace: PaceName, in_memory: bool) -> None:
    """Start the sandbox, or find it running; returns when it is ready."""
    place = _home(home)
    place.prepare()
    running = place.running()
    if running:
        click.echo(f"The sandbox is running already at {running['endpoint_url']}.")
        return
    running = _start(place, port, pace, in_memory)
    click.echo(f"The sandbox is ready at {running['endpoint_url']}.")


@main.command()
@home_option
def stop(home: Path | None) -> None:
    """Stop the sandbox and everything that it runs; the account is kept for the next start."""
    place = _home(home)
    was_running = _stop(place)
    click.echo("The sandbox is stopped." if was_running else "The sandbox was not running.")


@main.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(home: Path | None, as_json: bool) -> None:
    """Say where the sandbox is, and which bastions and databases it runs."""
    running = _home(home).running()
    if running is None:
        raise SandboxError("The sandbox is not running. Start it: python -m sandbox start")
    import urllib.request

    with urllib.request.urlopen(running["endpoint_url"] + "/_sandbox/status") as answer:
        said = json.load(answer)
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    click.echo(f"endpoint  {said['endpoint_url']}   pace {said['pace']}   home {said['home']}")
    for bastion in said["bastions"]:
        click.echo(f"bastion   {bastion['instance_id']}   {bastion['host']}:{bastion['port']}")
    for database in said["databases"]:
        click.echo(
            f"database  {database['instance']} ({database['role']} of {database['cluster']})"
            f"   {database['status']}"
        )


@main.command()
@home_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(home: Path | None, yes: bool) -> None:
    """Empty the account: everything made in the sandbox is gone."""
    place = _home(home)
    if not yes:
        click.confirm("Delete everything in the sandbox's account?", abort=True)
    running = place.running()
    _stop(place)
    for leftover in (place.databases, place.folder / "bastions", place.aws):
        shutil.rmtree(leftover, ignore_errors=True)
    for file in place.folder.glob(f"{place.account.name}*"):  # SQLite's log beside it too
        file.unlink()
    if running:
        _start(place, None, running["pace"])
    click.echo("The sandbox's account is empty.")


@main.command()
@home_option
def logs(home: Path | None) -> None:
    """Print what the sandbox has written to its log."""
    file = _home(home).log_file
    click.echo(file.read_text() if file.exists() else "There is no log yet.")


@main.command()
def install() -> None:
    """Find a database server (mysqld or mariadbd) on this machine, or install one."""
    from sandbox import install as installer

    installer.install()


@main.command(hidden=True)
@home_option
@port_option
@pace_option
@memory_option
def serve(home: Path | None, port: int | None, pace: PaceName, in_memory: bool) -> None:
    """Be the sandbox, in the foreground."""
    from sandbox.server import serve

    serve(_home(home), port, pace, durable=not in_memory)


def _home(folder: Path | None) -> Home:
    return Home(folder.expanduser().resolve() if folder else default_home())


def _start(home: Home, port: int | None, pace: PaceName, in_memory: bool = False) -> dict:
    home.token()
    command = [sys.executable, "-m", "sandbox", "serve", "--home", str(home.folder)]
    command += ["--pace", pace] + (["--port", str(port)] if port else [])
    command += ["--in-memory"] if in_memory else []
    with home.log_file.open("w") as output:
        # Of its own session: Ctrl-C in this terminal, or in JupyterLab's, is not meant for it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            cwd=Path(__file__).parents[1],
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        running = home.running()
        if running:
            return running
        if process.poll() is not None:
            last = home.log_file.read_text().strip().splitlines()[-1:]
            raise SandboxError(
                f"The sandbox did not start: {last[0] if last else 'it says nothing'} "
                "The whole story: python -m sandbox logs"
            )
        time.sleep(0.02)
    process.kill()
    raise SandboxError("The sandbox did not get ready. Look why: python -m sandbox logs")


def _stop(home: Home) -> bool:
    import urllib.error
    import urllib.request

    from sandbox.mysqld_process import stop_leftovers

    running = home.running()
    if running:
        request = urllib.request.Request(
            running["endpoint_url"] + "/_sandbox/stop",
            method="POST",
            headers={"X-Sandbox-Token": home.token()},
        )
        # Where it hangs and does not answer, it is killed below.
        with contextlib.suppress(urllib.error.URLError, TimeoutError):
            urllib.request.urlopen(request, timeout=5).close()
        deadline = time.monotonic() + STOP_TIMEOUT
        while home.is_alive(running) and time.monotonic() < deadline:
            time.sleep(0.02)
        if home.is_alive(running):
            psutil.Process(running["pid"]).kill()
    home.running_file.unlink(missing_ok=True)
    stop_leftovers(home.folder)
    return running is not None
