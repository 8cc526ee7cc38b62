"""Faults of what is on this machine: the key file, and the settings of a program."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import paramiko

from helpers.diagnosis.ssh_hops import fits
from helpers.errors import CourseError
from helpers.faults.fault import Fault, Memory, must_find_cluster, our_cluster
from helpers.keys import key_file


@dataclass(frozen=True)
class KeySwapped(Fault):
    """Another private key is where the right one was, which lies beside it under another name."""

    def remember(self) -> Memory:
        if _key_pair() is None:
            raise CourseError(
                "EC2 has no key pair bookstore, so nobody could tell the right key from another. "
                "Draw another fault, or make the pair and the bastion anew: page 1.2."
            )
        return {}

    def plant(self, memory: Memory) -> None:
        pem, kept, pair = key_file("bookstore"), _kept_key(), _key_pair()
        if pair and fits(pem, pair):
            _put(pem.read_text(), kept)
        if pair and fits(kept, pair):  # never without the right key safe beside it
            stranger = io.StringIO()
            paramiko.RSAKey.generate(2048).write_private_key(stranger)
            _put(stranger.getvalue(), pem)

    def repair(self, memory: Memory) -> None:
        kept, pair = _kept_key(), _key_pair()
        # After a clean-up the pair may be another, whose key is in its place.
        if pair and fits(kept, pair):
            kept.replace(key_file("bookstore"))


def _put(key: str, file: Path) -> None:
    """Write a key for your eyes only, at once or not at all: no moment is without a whole file."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(key)
    draft.replace(file)


def _kept_key() -> Path:
    return key_file("bookstore-1")


def _key_pair() -> dict[str, Any] | None:
    named = [{"Name": "key-name", "Values": ["bookstore"]}]
    found = boto3.client("ec2").describe_key_pairs(Filters=named, IncludePublicKey=True)
    return next(iter(found["KeyPairs"]), None)


@dataclass(frozen=True)
class KeyOpenToOthers(Fault):
    """Other users of this machine may read the private key."""

    def works_here(self) -> bool:
        return os.name == "posix"  # Windows has no such modes.

    def remember(self) -> Memory:
        return {}

    def plant(self, memory: Memory) -> None:
        # The folder around it is closed to others, so that nobody reads the key.
        key_file("bookstore").chmod(0o644)

    def repair(self, memory: Memory) -> None:
        if key_file("bookstore").exists():
            key_file("bookstore").chmod(0o600)


@dataclass(frozen=True)
class EndpointMistyped(Fault):
    """The settings have two letters of the writer endpoint the wrong way round."""

    def remember(self) -> Memory:
        return {}

    def plant(self, memory: Memory) -> None:
        write_settings()
        settings = json.loads(settings_file().read_text())
        name, _, rest = settings["mysql_host"].partition(".cluster-")
        # The first two that differ, so that the name does.
        place = next(i for i in range(len(rest) - 1) if rest[i] != rest[i + 1])
        swapped = rest[:place] + rest[place + 1] + rest[place] + rest[place + 2 :]
        write_settings(mysql_host=f"{name}.cluster-{swapped}")

    def repair(self, memory: Memory) -> None:
        if our_cluster() is not None:
            write_settings()


def settings_file() -> Path:
    """The file in which a program of the bookstore keeps how it connects; no password in it."""
    return key_file("bookstore-settings").with_suffix(".json")


def write_settings(**wrong: str) -> None:
    """Write the settings file afresh, as the account has it, but for what is given."""
    cluster = must_find_cluster()
    right = {
        "mysql_host": cluster["Endpoint"],
        "user": cluster["MasterUsername"],
        "database": cluster.get("DatabaseName", "bookstore"),
    }
    settings_file().write_text(json.dumps({**right, **wrong}, indent=2))
