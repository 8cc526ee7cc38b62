"""DynamoDB's errors, with the codes and messages that AWS answers."""

from typing import Any

CORAL = {
    "ValidationException": "com.amazon.coral.validate#",
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
}
DYNAMODB = "com.amazonaws.dynamodb.v20120810#"


class DynamoDBError(Exception):
    """An error answer.

    Attributes:
        code: such as "ValidationException".
        message: AWS's sentence.
        more: further members of the answer, such as `Item` or `CancellationReasons`.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    """

    def __init__(self, code: str, message: str, **more: Any):
        super().__init__(message)
        self.code, self.message, self.more = code, message, more

    def body(self) -> dict[str, Any]:
        """The JSON that AWS sends; AWS spells `Message` for a cancelled transaction."""
        word = "Message" if self.code == "TransactionCanceledException" else "message"
        kind = CORAL.get(self.code, DYNAMODB) + self.code
        return {"__type": kind, word: self.message, **self.more}


def invalid(message: str) -> DynamoDBError:
    """A ValidationException."""
    return DynamoDBError("ValidationException", message)


def invalid_values(message: str) -> DynamoDBError:
    """A ValidationException about a parameter."""
    return invalid(f"One or more parameter values were invalid: {message}")


def unreadable(message: str) -> DynamoDBError:
    """A SerializationException: the request is no JSON of this operation."""
    return DynamoDBError("SerializationException", message)


def not_found(table: str | None = None) -> DynamoDBError:
    """No such table; item operations name it not, DescribeTable and its like do."""
    if table is None:
        return DynamoDBError("ResourceNotFoundException", "Requested resource not found")
    return DynamoDBError(
        "ResourceNotFoundException", f"Requested resource not found: Table: {table} not found"
    )


def in_use(message: str) -> DynamoDBError:
    """The table or index is in a state that does not allow this."""
    return DynamoDBError(
        "ResourceInUseException", f"Attempt to change a resource which is still in use: {message}"
    )


def limit_exceeded(message: str) -> DynamoDBError:
    """Too many at once."""
    return DynamoDBError("LimitExceededException", f"Subscriber limit exceeded: {message}")


def condition_failed(item: dict[str, Any] | None = None) -> DynamoDBError:
    """The condition was false; with the item where the request asks for it."""
    more = {"Item": item} if item else {}
    return DynamoDBError(
        "ConditionalCheckFailedException", "The conditional request failed", **more
    )
