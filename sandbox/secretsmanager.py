"""Secrets Manager as moto has it, where a secret that RDS manages is left to RDS."""

from typing import Any

from moto.secretsmanager import urls
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend, secretsmanager_backends


class SandboxSecretsManager(SecretsManagerBackend):
    """moto's Secrets Manager; what another service manages is changed by that service only.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/service-linked-secrets.html
    """

    _url_module = urls  # moto looks for it beside the class

    def rotate_secret(
        self,
        secret_id: str,
        client_request_token: str | None = None,
        rotation_lambda_arn: str | None = None,
        rotation_rules: dict[str, Any] | None = None,
        rotate_immediately: bool = True,
    ) -> str:
        """A managed secret has no function that rotates it: RDS does."""
        secret: Any = self.secrets.get(secret_id)
        if secret is None or not secret.owning_service:
            return super().rotate_secret(
                secret_id,
                client_request_token,
                rotation_lambda_arn,
                rotation_rules,
                rotate_immediately,
            )
        days = (rotation_rules or {}).get("AutomaticallyAfterDays")
        if days:
            secret.auto_rotate_after_days = days
        if rotate_immediately:
            from moto.rds.models import rds_backends

            rds: Any = rds_backends[self.account_id][self.region_name]
            rds.rotate_master_secret(secret.arn)
        return secret.to_short_dict(version_id=secret.default_version_id)

    def put_secret_value(self, secret_id: str, *args: Any, **kwargs: Any) -> str:
        """Refused for a managed secret."""
        self._check_unmanaged(secret_id)
        return super().put_secret_value(secret_id, *args, **kwargs)

    def update_secret(self, secret_id: str, *args: Any, **kwargs: Any) -> str:
        """Likewise."""
        self._check_unmanaged(secret_id)
        return super().update_secret(secret_id, *args, **kwargs)

    def delete_secret(self, secret_id: str, *args: Any, **kwargs: Any) -> tuple[str, str, float]:
        """Likewise."""
        self._check_unmanaged(secret_id)
        return super().delete_secret(secret_id, *args, **kwargs)

    def _check_unmanaged(self, secret_id: str) -> None:
        secret = self.secrets.get(secret_id)
        if secret is not None and secret.owning_service:
            raise InvalidRequestException(
                "The secret is managed by another service, and you must use that service to "
                "update it."
            )


def install() -> None:
    """Put this in place of moto's own Secrets Manager."""
    secretsmanager_backends.backend = SandboxSecretsManager
