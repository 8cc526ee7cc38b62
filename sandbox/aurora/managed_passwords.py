"""Clusters whose master password RDS makes, keeps in Secrets Manager, and rotates.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
"""

from typing import Any

from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue
from moto.rds.models import DBCluster

from sandbox.aurora.base import AuroraBase
from sandbox.aurora.master_secret import MasterSecret, new_password
from sandbox.aurora.models import AuroraCluster


class ManagedPasswords(AuroraBase):
    """Clusters whose master password RDS manages: made, rotated, and given back."""

    def create_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """AWS wants either a password or to make one."""
        if kwargs.get("manage_master_user_password"):
            if kwargs.get("master_user_password"):
                raise InvalidParameterCombination(
                    "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled."
                )
        else:
            _refuse_key_without_secret(kwargs)
        return super().create_db_cluster(kwargs)

    def modify_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """Rotate the password, or begin or cease to manage it."""
        cluster = self._cluster(kwargs["db_cluster_identifier"])
        if not isinstance(cluster, AuroraCluster):
            return super().modify_db_cluster(kwargs)
        rotate = kwargs.pop("rotate_master_user_password", None)
        manage = kwargs.pop("manage_master_user_password", None)
        key = kwargs.pop("master_user_secret_kms_key_id", None)
        now = cluster.manage_master_user_password
        password = kwargs.get("master_user_password")
        if key and not (now or manage):
            _refuse_key_without_secret({"master_user_secret_kms_key_id": key})
        if password and (manage or (now and manage is None)):
            raise InvalidParameterValue(
                "You can't specify MasterUserPassword for an instance with "
                "ManageMasterUserPassword enabled."
            )
        if now and manage is False and not password:
            raise InvalidParameterCombination(
                "You must specify MasterUserPassword when you turn off ManageMasterUserPassword."
            )
        if rotate:
            if not now or manage is False:
                raise InvalidParameterCombination(
                    "You can't rotate the master user password of a DB cluster that doesn't have "
                    "ManageMasterUserPassword enabled."
                )
            if not kwargs.get("apply_immediately"):
                raise InvalidParameterCombination(
                    "You must specify apply immediately when rotating the master user password."
                )
        if rotate or (manage and not now):
            kwargs["master_user_password"] = new_password()
        answer = super().modify_db_cluster(kwargs)
        if rotate:
            cluster.master_user_secret.rotate_secret()
        elif manage and not now:
            cluster.manage_master_user_password = True
            cluster.master_user_secret = MasterSecret(cluster, key)
        elif manage is False and now:
            cluster.manage_master_user_password = False
            cluster.master_user_secret.delete_secret()
            del cluster.master_user_secret
        # moto's answer is a copy from before.
        answer.__dict__.pop("master_user_secret", None)
        if cluster.manage_master_user_password:
            answer.master_user_secret = cluster.master_user_secret
        return answer

    def rotate_master_secret(self, secret_arn: str) -> bool:
        """Rotate the password that is in this secret, as RotateSecret asks; False for no such."""
        for cluster in self.clusters.values():
            if getattr(cluster, "master_user_secret", None) is None:
                continue
            if cluster.master_user_secret.secret_arn == secret_arn:
                self.modify_db_cluster(
                    {
                        "db_cluster_identifier": cluster.db_cluster_identifier,
                        "rotate_master_user_password": True,
                        "apply_immediately": True,
                    }
                )
                return True
        return False


def _refuse_key_without_secret(kwargs: dict[str, Any]) -> None:
    if kwargs.get("master_user_secret_kms_key_id"):
        raise InvalidParameterCombination(
            "A ManageMasterUserPassword value is required when MasterUserSecretKmsKeyId is "
            "specified."
        )
