"""Asking again whether port 22 may be reached costs no description of the account each time."""

import select
import socket
import time
from collections.abc import Iterator

import pytest

from helpers.network import Verdict
from sandbox.bastion import BastionHost, Bastions
from sandbox.entry import EntryRules
from sandbox.sshd import RULE_CHECK, NameUnknown, _has_left


class Looks:
    """An account that counts how often it is looked at."""

    def __init__(self) -> None:
        self.count = 0
        self.open = False

    def __call__(self, instance_id: str) -> Verdict:
        self.count += 1
        return Verdict(self.open, "a rule", [], None)


def test_one_look_until_the_account_changes() -> None:
    looks = Looks()
    rules = EntryRules(looks)
    assert [bool(rules.verdict("i-1", moving=False)) for _ in range(100)] == [False] * 100
    assert looks.count == 1
    looks.open = True
    rules.changed()
    assert [bool(rules.verdict("i-1", moving=False)) for _ in range(100)] == [True] * 100
    assert looks.count == 2
    rules.verdict("i-2", moving=False)
    assert looks.count == 3


def test_what_is_seen_on_the_way_is_not_remembered() -> None:
    looks = Looks()
    rules = EntryRules(looks)
    assert not rules.verdict("i-1", moving=True)
    looks.open = True
    assert rules.verdict("i-1", moving=False)
    looks.open = False
    assert not rules.verdict("i-1", moving=True)
    assert not rules.verdict("i-1", moving=False)


class Account:
    """What a bastion asks, with the remembered rules in between."""

    def __init__(self) -> None:
        self.looks, self.asked = Looks(), 0
        self.rules = EntryRules(self.looks)

    def may_enter(self, instance_id: str) -> bool:
        self.asked += 1
        return bool(self.rules.verdict(instance_id, moving=False))

    def address_of(self, instance_id: str, host: str, port: int) -> tuple[str, int]:
        raise NameUnknown(host)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def bastions(tmp_path, account) -> Iterator[Bastions]:
    made = Bastions(tmp_path, account, connect_timeout=RULE_CHECK * 8)
    made.start()
    made.sync([BastionHost("i-1", "")])
    yield made
    made.stop()


@pytest.mark.parametrize("poll", [True, False])
def test_a_client_that_hangs_up_is_looked_for_once(bastions, account, monkeypatch, poll) -> None:
    """Also where the system cannot tell that a client has left (no POLLRDHUP)."""
    if not poll:
        monkeypatch.delattr(select, "POLLRDHUP", raising=False)
    with socket.create_connection(("127.0.0.1", bastions.port("i-1"))) as client:
        client.sendall(b"SSH-2.0-test\r\n")
    wanted = 1 if poll else 5
    until = time.monotonic() + 30
    while account.asked < wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert account.asked >= wanted
    assert account.looks.count == 1


def test_a_client_that_has_left_is_seen_behind_its_greeting() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        assert not _has_left(here)
        there.sendall(b"SSH-2.0-test\r\n")
        assert not _has_left(here)
    here, there = socket.socketpair()
    with here:
        here.setblocking(False)
        there.close()
        assert _has_left(here)
