"""Unpack programs of Debian unstable, with the libraries they need, into one folder.

Nothing is installed, nothing outside the folder changes, and root is not needed. apt fetches the
packages from the mirror of this machine's own sources and verifies their signatures.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SUITE = "sid"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
COMMANDS = ("apt-get", "dpkg-deb")
# Packages that others depend on, but that no program needs at run time.
NOT_UNPACKED = ("debconf_", "dpkg_", "perl")


class CannotUnpack(Exception):
    """This machine cannot fetch or unpack the packages; the message says why."""


def reason_not_to() -> str | None:
    """Say why this machine cannot unpack Debian's packages; None if it can."""
    if missing := [name for name in COMMANDS if shutil.which(name) is None]:
        return f"this is not a Debian machine: it has no {' and no '.join(missing)}"
    if not KEYRING.exists():
        return f"the keys of Debian's archive are not here: no {KEYRING}"
    if _mirror() is None:
        return "the apt sources of this machine name no Debian mirror"
    return None


def unpack(
    packages: Sequence[str],
    folder: Path,
    programs: Sequence[str] = (),
    unchanged: Sequence[str] = (),
) -> None:
    """Fill `folder` with packages, all that they depend on, and programs that run from there.

    The folder appears when it is complete. Its path must not change afterwards, because the
    programs hold it.

    Args:
        packages: names of Debian packages.
        folder: must not exist yet.
        programs: paths inside the folder. Each is changed to use the loader and the libraries of
            the folder.
        unchanged: patterns of programs that are kept as they are, to be started with `loading`.
            All others in `usr/bin` and `usr/sbin` are removed: they would use this machine's
            libraries, which may be too old.

    Raises:
        CannotUnpack: the packages could not be fetched or unpacked.
    """
    if reason := reason_not_to():
        raise CannotUnpack(reason)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for package in _download([*packages, "patchelf"], partial / "apt"):
        if not package.name.startswith(NOT_UNPACKED):
            _run("dpkg-deb", "-x", package, partial)
    for program in programs:
        _use_own_libraries(partial / program, partial, folder)
    kept = {path for pattern in [*programs, *unchanged] for path in partial.glob(pattern)}
    for path in [*partial.glob("usr/bin/*"), *partial.glob("usr/sbin/*")]:
        if path not in kept:
            path.unlink()
    shutil.rmtree(partial / "apt")
    partial.rename(folder)


def loading(folder: Path) -> list[str]:
    """The words to put before a program of a folder, so that it uses the libraries there.

    For programs that cannot be changed. The process then has the name of the loader.
    """
    libraries = [path.parent for path in sorted(folder.glob("usr/lib/*/libc.so.6"))]
    loaders = [path for each in libraries for path in sorted(each.glob("ld-linux*.so.*"))]
    if not loaders:
        raise CannotUnpack(f"the packages in {folder} brought no glibc")
    return [str(loaders[0]), "--library-path", ":".join(map(str, libraries))]


def _mirror() -> str | None:
    """The address of the Debian mirror that this machine uses."""
    targets = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    return next((it for it in targets.split() if it.rstrip("/").endswith("/debian")), None)


def _download(packages: Sequence[str], apt: Path) -> list[Path]:
    """Fetch the packages with all that they depend on, as if nothing was installed here."""
    for name in ("lists/partial", "archives/partial", "log"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()  # no package is installed: every library comes too, glibc included
    sources = apt / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {_mirror()} {SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::State::extended_states": apt / "extended",
        "Dir::Cache::archives": apt / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Log": apt / "log",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
        "APT::Keep-Downloaded-Packages": "true",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    _run("apt-get", "-qq", *options, "update")
    fetch = ("install", "--download-only", "--yes", "--no-install-recommends")
    _run("apt-get", "-qq", *options, *fetch, *packages)
    return sorted((apt / "archives").glob("*.deb"))


def _use_own_libraries(program: Path, now: Path, later: Path) -> None:
    """Make a program run with the loader and the libraries of its folder, under its own name.

    Args:
        program: a position-independent executable; others break.
        now: the folder in which it is.
        later: the folder in which it will run.
    """
    loader, _, libraries = loading(now)
    loader, libraries = (it.replace(str(now), str(later)) for it in (loader, libraries))
    # An rpath, unlike a runpath, is also used for the libraries of libraries.
    changes = ["--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries]
    _run(*loading(now), now / "usr/bin/patchelf", *changes, program)


def _run(*words: str | Path) -> str:
    done = subprocess.run(
        list(map(str, words)), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise CannotUnpack(f"{Path(words[0]).name} ended with code {done.returncode}: {last}")
    return done.stdout
