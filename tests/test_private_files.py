"""Private files: whole at every moment, one value for all, for their owner only; both copies."""

import multiprocessing
import os
import stat
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import helpers.private_files
import sandbox.private_files
from helpers.choice import remember, remembered
from helpers.keys import password
from helpers.records import record_check, records
from sandbox.home import Home

BOTH = pytest.mark.parametrize("module", [helpers.private_files, sandbox.private_files])
POOLS = pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])


def _run(pool, function, jobs: list, **options) -> list:
    if pool is ProcessPoolExecutor:  # fresh processes: a forked one shares locks that are held
        options["mp_context"] = multiprocessing.get_context("spawn")
    with pool(4, **options) as workers:
        return list(workers.map(function, jobs))


def _write(job: tuple) -> None:
    module, file, text = job
    sys.modules[module].write_private(file, text)


def _keep(job: tuple) -> str:
    module, file, text = job
    return sys.modules[module].keep_private(file, lambda: text)


def _token(folder: Path) -> str:
    return Home(folder).token()


@BOTH
@POOLS
def test_many_writers_leave_one_whole_text_and_nothing_else(tmp_path, module, pool) -> None:
    texts = [letter * 50_000 for letter in "abcdefghijklmnopqrstuvwxyz"]
    _run(pool, _write, [(module.__name__, tmp_path / "file", text) for text in texts * 2])
    assert (tmp_path / "file").read_text() in texts
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@BOTH
@POOLS
def test_all_who_ask_get_the_same(tmp_path, module, pool) -> None:
    jobs = [(module.__name__, tmp_path / "folder" / "file", f"number {i}") for i in range(40)]
    answers = _run(pool, _keep, jobs)
    assert len(set(answers)) == 1
    assert (tmp_path / "folder" / "file").read_text() == answers[0]


@POOLS
def test_one_password_and_one_token(tmp_path, monkeypatch, pool) -> None:
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("LAB_TARGET", "sandbox")
    assert len(set(_run(pool, password, ["bookstore"] * 20))) == 1
    assert len(set(_run(pool, _token, [tmp_path] * 20))) == 1


@POOLS
def test_what_is_remembered_at_the_same_moment_is_all_kept(tmp_path, monkeypatch, pool) -> None:
    monkeypatch.setenv("LAB_MEMORY", str(tmp_path / "memory.json"))
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("LAB_TARGET", "sandbox")
    _run(pool, _remember, range(20))
    assert remembered() == {f"n{i}": i for i in range(20)}
    assert set(records()) == {f"9.{i}" for i in range(20)}


def _remember(number: int) -> None:
    remember(**{f"n{number}": number})
    record_check(f"9.{number}", passed=True)


@BOTH
def test_an_empty_file_of_a_crash_counts_as_missing(tmp_path, module) -> None:
    (tmp_path / "file").touch()
    assert module.keep_private(tmp_path / "file", lambda: "fresh") == "fresh"
    assert module.keep_private(tmp_path / "file", lambda: "other") == "fresh"


@BOTH
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_reads_it_also_where_it_was_open_before(tmp_path, module) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o644)
    old = os.umask(0)
    try:
        module.write_private(file, "new")
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@BOTH
@pytest.mark.skipif(sys.platform == "win32", reason="no fsync of folders there")
def test_the_text_is_on_disk_before_the_name_and_the_name_before_the_return(
    tmp_path, module, monkeypatch
) -> None:
    done = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        done.append("replace")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    module.write_private(tmp_path / "file", "text")
    assert done == ["file", "replace", "folder"]


@BOTH
def test_a_file_that_windows_holds_for_a_moment_is_replaced(tmp_path, module, monkeypatch) -> None:
    real, refusals = Path.replace, iter(range(5))

    def replace(self: Path, target: Path) -> Path:
        if next(refusals, None) is not None:
            raise PermissionError(13, "The process cannot access the file")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError):  # elsewhere this is no passing state
        module.write_private(tmp_path / "file", "text")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(module.sys, "platform", "win32")
    module.write_private(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"
