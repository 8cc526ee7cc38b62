"""The secret in which RDS keeps a master password that it made itself.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
"""

import json
import secrets
import string
from typing import Any

from moto.moto_api._internal import mock_random
from moto.rds.models import MasterUserSecret
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

LENGTH = 28
# What RDS takes in a password, without what a shell or a URL would take for its own.
ALPHABET = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"
ROTATION_DAYS = 7


def new_password() -> str:
    """A password that nobody can guess; ids are reproducible here, this is not."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


class MasterSecret(MasterUserSecret):
    """moto's secret of a cluster, with a real password and the names that AWS gives."""

    resource: Any  # an AuroraCluster, which has one of these

    def rotate_secret(self) -> None:
        """Put the cluster's present password in a new version of the secret."""
        self._status = "rotating"
        self.secretsmanager._add_secret(
            self.secret.secret_id,
            self._generate_secret_string(),
            description=self.secret.description,
            tags=self.secret.tags,
            version_id=str(mock_random.uuid4()),
            version_stages=["AWSCURRENT"],
        )

    def delete_secret(self) -> None:
        """Delete it at once; a customer may not, RDS may."""
        SecretsManagerBackend.delete_secret(
            self.secretsmanager, self.secret.arn, None, force_delete_without_recovery=True
        )

    @property
    def secret_status(self) -> str:
        """`creating` or `rotating` for as long as the cluster is busy with it, then `active`."""
        busy = ("creating", "resetting-master-credentials")
        return self._status if self.resource.status in busy else "active"

    def _create_secret(self, kms_key_id: str | None) -> FakeSecret:
        secret = super()._create_secret(kms_key_id)
        secret.rotation_requested = secret.rotation_enabled = True
        secret.auto_rotate_after_days = ROTATION_DAYS
        return secret

    def _generate_secret_name(self) -> str:
        return f"rds!cluster-{mock_random.uuid4()}"

    def _generate_secret_string(self) -> str:
        cluster = self.resource
        return json.dumps(
            {"username": cluster.master_username, "password": cluster._master_user_password}
        )

    def _generate_secret_description(self) -> str:
        return f"Secret associated with primary RDS DB cluster: {self.resource.arn}"

    def _generate_secret_tags(self) -> list[dict[str, str]]:
        return [{"Key": "aws:rds:primaryDBClusterArn", "Value": self.resource.arn}]
