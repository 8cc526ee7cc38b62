"""While the helpers look at the account, each question is asked once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers import existing
from helpers.shared_calls import asked_once, shared


@contextmanager
def counted(client: Any) -> Iterator[list[str]]:
    """The operations that a client really sends."""
    sent: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])

    client.meta.events.register("before-send", note)
    yield sent
    client.meta.events.unregister("before-send", note)


def test_a_call_that_looks_is_sent_once(sandbox) -> None:
    with asked_once():
        ec2 = boto3.client("ec2")
        with counted(ec2) as sent:
            first = ec2.describe_vpcs()
            first["Vpcs"].clear()  # what one caller does with the answer is no other's concern
            assert boto3.client("ec2") is ec2
            assert len(boto3.client("ec2").describe_vpcs()["Vpcs"]) == 1
            assert len(ec2.get_paginator("describe_vpcs").paginate().build_full_result()) == 1
            assert existing.find("vpc", "nothing") is existing.find("vpc", "nothing") is None
        assert sent == ["DescribeVpcs", "DescribeVpcs"]  # the second has filters
    assert boto3.client("ec2") is not ec2


def test_a_refusal_is_remembered_too(sandbox) -> None:
    with asked_once():
        rds = boto3.client("rds")
        with counted(rds) as sent:
            for _ in range(2):
                with pytest.raises(ClientError, match="not found"):
                    rds.describe_db_clusters(DBClusterIdentifier="nothing")
        assert len(sent) == 1


def test_after_a_change_it_is_asked_again(sandbox) -> None:
    with asked_once():
        iam = boto3.client("iam")
        iam.list_users()
        iam.create_user(UserName="new")
        assert "new" in [user["UserName"] for user in iam.list_users()["Users"]]


def test_threads_share_one_answer(sandbox) -> None:
    with asked_once():
        ec2 = boto3.client("ec2")
        answers: list[Any] = []
        with counted(ec2) as sent:
            threads = [
                threading.Thread(target=lambda: answers.append(ec2.describe_subnets()["Subnets"]))
                for _ in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(sent) == 1
        assert len(answers) == 6
        assert all(each == answers[0] for each in answers)


def test_what_is_opened_is_shared_and_closed_at_the_end() -> None:
    events: list[str] = []

    @contextmanager
    def door(name: str) -> Iterator[str]:
        events.append(f"open {name}")
        yield name
        events.append(f"close {name}")

    with asked_once():
        for name in ("a", "a", "b"):
            with shared(door, name) as opened:
                assert opened == name
        assert events == ["open a", "open b"]
    assert events[2:] == ["close b", "close a"]
    with shared(door, "c"):
        pass
    assert events[4:] == ["open c", "close c"]


def test_what_cannot_be_opened_fails_for_all() -> None:
    @contextmanager
    def wall() -> Iterator[None]:
        raise ConnectionError("closed")
        yield

    with asked_once():
        for _ in range(2):
            with pytest.raises(ConnectionError, match="closed"), shared(wall):
                pass
