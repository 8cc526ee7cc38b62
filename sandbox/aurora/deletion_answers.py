"""What moto's front drops of a deletion: whether a final snapshot is wanted."""

from moto.core.responses import ActionResult
from moto.rds.exceptions import InvalidParameterCombination
from moto.rds.responses import RDSResponse


class DeletionAnswers(RDSResponse):
    """moto's front, which takes a deletion without a word on the final snapshot."""

    def delete_db_cluster(self) -> ActionResult:
        """A snapshot is named, or not wanted: one of the two is to be said.

        https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
        """
        snapshot = self.params.get("FinalDBSnapshotIdentifier")
        skip = self.params.get("SkipFinalSnapshot")
        if snapshot and skip:
            raise InvalidParameterCombination(
                "You cannot specify both FinalDBSnapshotIdentifier and SkipFinalSnapshot"
            )
        if not snapshot and not skip:
            raise InvalidParameterCombination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            )
        return super().delete_db_cluster()
