"""The account's first users, and the AWS files of the one that the course works as."""

import json

from moto.iam.models import IAMBackend
from moto.moto_api._internal import mock_random

from sandbox.home import Home, write_private

# The course works as `student`; `cloud_user` is the user of the guide's third lab.
USERS = ("student", "cloud_user")
WORKS_AS = USERS[0]
SIGNED_IN = "us-east-1"  # where IAM, which has no region, signs its requests


def create_first(iam: IAMBackend) -> None:
    """Make the users in a new account.

    Args:
        iam: moto's IAM of the account.
    """
    for user in USERS:
        _create(iam, user)


def make_sure_of_a_key(iam: IAMBackend, home: Home, region: str) -> None:
    """See that `student` has an access key, and that `config` and `credentials` lead to it.

    The key is drawn from the home's own secret: nobody else can guess it, and it is the same again
    where it was deleted, so that an open notebook goes on.

    Args:
        iam: moto's IAM of the account.
        home: where the files go, readable by the owner only.
        region: the region that `config` names.
    """
    if WORKS_AS not in iam.users:
        _create(iam, WORKS_AS)
    first = home.aws / "first-credentials"
    kept = first.read_text() if first.exists() else ""
    for key in iam.list_access_keys(WORKS_AS):
        if key.access_key_id in kept and (home.aws / "credentials").exists():
            iam.update_access_key(WORKS_AS, key.access_key_id, "Active")
            return
    mock_random.seed(f"{home.token()}:access key")
    key = iam.create_access_key(WORKS_AS)
    text = (
        "[default]\n"
        f"aws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret_access_key}\n"
    )
    write_private(home.aws / "credentials", text)
    # `aws configure` may put another key in the first file, and that key may be deleted.
    write_private(home.aws / "first-credentials", text)
    write_private(home.aws / "config", f"[default]\nregion = {region}\n")


def _create(iam: IAMBackend, user: str) -> None:
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    iam.create_user(SIGNED_IN, user)
    iam.put_user_policy(user, "everything", json.dumps(everything))
