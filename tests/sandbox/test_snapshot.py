"""The account's two pickles: what is in which, and that they fit together again."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from sandbox import snapshot
from sandbox.errors import SandboxError
from sandbox.pace import Pace
from sandbox.snapshot import ACCOUNT, IDENTITY, Snapshots

NUMBER = "123456789012"


@pytest.fixture
def account() -> Iterator[tuple[Any, Any]]:
    """IAM and EC2, where an instance has one of IAM's profiles."""
    BackendDict.reset()
    iam, ec2 = iam_backends[NUMBER]["aws"], ec2_backends[NUMBER]["us-east-1"]
    iam.create_user("us-east-1", "ann")
    profile = iam.create_instance_profile("web", "/", [])
    image = next(iter(ec2.amis))
    asked = {"instance_type": "t3.micro", "is_instance_type_default": False}
    instance = ec2.run_instances(image, 1, None, [], **asked).instances[0]
    ec2.associate_iam_instance_profile(instance.id, profile.name, profile.arn)
    yield iam, ec2
    BackendDict.reset()


def _parts() -> dict[str, bytes]:
    parts = Snapshots(Pace()).take()
    BackendDict.reset()
    return parts


def test_users_come_back_before_the_rest(account) -> None:
    parts = _parts()
    again = Snapshots(Pace())
    again.put_back(parts[IDENTITY], parts[ACCOUNT])
    assert again.rest_is_due
    assert list(iam_backends[NUMBER]["aws"].users) == ["ann"]
    assert [each.service_name for each in BackendDict._instances] == ["iam"]
    again.put_back_rest()
    assert not again.rest_is_due
    assert len(ec2_backends[NUMBER]["us-east-1"].reservations) == 1


def test_both_parts_have_the_same_models(account) -> None:
    parts = _parts()
    again = Snapshots(Pace())
    again.put_back(parts[IDENTITY], parts[ACCOUNT])
    again.put_back_rest()
    iam, ec2 = iam_backends[NUMBER]["aws"], ec2_backends[NUMBER]["us-east-1"]
    (profile,) = iam.instance_profiles.values()
    (association,) = ec2.iam_instance_profile_associations.values()
    assert association.iam_instance_profile is profile
    # And what is written now is what was read.
    assert set(again.take()) == set(parts)


def test_what_another_release_wrote_is_read_at_once(account, monkeypatch) -> None:
    monkeypatch.setattr(snapshot, "_this_release", lambda: {"moto": "0", "sandbox": "old"})
    parts = _parts()
    monkeypatch.undo()
    again = Snapshots(Pace())
    again.put_back(parts[IDENTITY], parts[ACCOUNT])
    assert not again.rest_is_due
    assert len(ec2_backends[NUMBER]["us-east-1"].reservations) == 1


def test_a_rest_that_cannot_be_read_is_said_before_the_sandbox_is_ready(account) -> None:
    parts = _parts()
    header = pickle.dumps({"moto": "9.9"})
    with pytest.raises(SandboxError, match=r"written with moto 9\.9"):
        Snapshots(Pace()).put_back(parts[IDENTITY], header + b"no pickle")


def test_an_account_from_before_there_were_two_parts_opens(account) -> None:
    iam, ec2 = account
    services = {"iam": {NUMBER: {"aws": iam}}, "ec2": {NUMBER: {"us-east-1": ec2}}}
    passages = Pace().passages()
    one = Snapshots._dump((services, passages), of=set(services))
    BackendDict.reset()
    again = Snapshots(Pace())
    again.put_back(b"", pickle.dumps({"moto": "5.2.5"}) + one)
    assert not again.rest_is_due
    assert list(iam_backends[NUMBER]["aws"].users) == ["ann"]
    assert len(ec2_backends[NUMBER]["us-east-1"].reservations) == 1
