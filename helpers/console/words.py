"""What an error means: AWS's own message, and beside it one line in plain words."""

from __future__ import annotations

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
)

from helpers.errors import CourseError

# What can go wrong in a way that is told in words; anything else is a bug and shows as one.
FAILURES = (ClientError, BotoCoreError, CourseError)

# The first that is found in "code: message" explains it.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
MEANINGS = {
    r"Table already exists": (
        "There is a table of that name in this account and region. Choose another name, or open "
        "the one that is there."
    ),
    r"being created|is being deleted|being updated|ResourceInUse": (
        "The table is busy with an earlier change. Wait until its status is Active, and try again."
    ),
    r"Only 1 online index|Attempting to create.*simultaneously": (
        "One index at a time: wait until the other one is Active (or gone), and try again."
    ),
    r"[Bb]ackfilling": (
        "The index is still being filled from the table. It can be read when its status is Active."
    ),
    r"index which already exists": "The table has an index of that name. Choose another name.",
    r"does not have the specified index|Index: .* not found": (
        "There is no such index on this table (any more). Refresh, and choose again."
    ),
    r"ResourceNotFound": (
        "The table is not there (any more): perhaps it was deleted elsewhere. Go back to Tables."
    ),
    r"Missing the key|Cannot find the key|required key": (
        "Every item must have the table's key attributes. Add the one that is missing."
    ),
    r"empty string value|cannot contain an empty|[Ee]mpty.*key": (
        "A key may not be empty: give it a value."
    ),
    r"Type mismatch for key": (
        "The table expects another type for this key: S is text, N a number, B binary."
    ),
    r"Type mismatch for Index": (
        "An index uses this attribute as a key, and so it must have the index's type."
    ),
    r"Condition parameter type does not match|provided key element does not match": (
        "The value has another type than the key attribute of the table."
    ),
    r"[Ii]tem size.*exceeded": (
        "An item may have 400 KB at most, names included. Keep large things in Amazon S3 and "
        "their address in the item."
    ),
    r"reserved keyword": (
        "DynamoDB keeps this word for itself: write a placeholder such as #Year instead, and what "
        "it stands for in ExpressionAttributeNames."
    ),
    r"cannot be converted to a numeric|number.*(overflow|underflow)|significant digits": (
        "A value of type Number must be a number, with 38 digits at most."
    ),
    r"contains duplicates": "A set has every member once. Remove the one that is there twice.",
    r"(number|string|binary)? ?set.*empty|empty.*set": "A set needs at least one member.",
    r"[Nn]esting [Ll]evels": "Maps and lists may be nested 32 levels deep, and no deeper.",
    r"Query condition missed key": (
        "A query needs the partition key's value. To look at all items, use Scan."
    ),
    r"Filter Expression can only contain non-primary": (
        "A filter cannot be on the table's own key. Put that condition above, into the query."
    ),
    r"BETWEEN operator": "Between wants the smaller value first.",
    r"ConditionalCheckFailed|conditional request failed": (
        "Nothing was written: to create, there must be no item with that key; to save, the item "
        "must still be there."
    ),
    r"TransactionCanceled": (
        "Nothing was written: the item is gone, or there is one with the new key already."
    ),
    r"UnrecognizedClient|InvalidClientTokenId|security token .* is invalid": (
        "AWS does not accept your access key: it was deactivated or deleted. Configure a valid "
        "one, and restart the kernel."
    ),
    r"ExpiredToken": "Your session with AWS has ended. Log in again, and restart the kernel.",
    r"SignatureDoesNotMatch": "The secret does not belong to the access key. Configure both again.",
    r"AccessDenied|not authorized": "Your user has no permission for this. An administrator has.",
    r"ProvisionedThroughputExceeded|Throttling|RequestLimitExceeded": (
        "More than the table's capacity at the moment. Wait a little, or give it more."
    ),
    r"LimitExceeded": "That is more than AWS allows; the message says of what.",
    r"Projection|NonKeyAttributes": "Name the attributes to include, other than the keys.",
    r"AttributeDefinitions|KeySchema": (
        "The partition key and the sort key must be two attributes, each with one type."
    ),
    r"tableName|TableName|indexName|IndexName": (
        "A name has 3 to 255 characters: letters, digits, underscore, hyphen, dot."
    ),
    r"ConnectTimeout|EndpointConnection|ConnectionClosed|ReadTimeout": (
        "AWS did not answer. Check the connection; in the sandbox, run connect() again."
    ),
}


def in_words(error: Exception) -> tuple[str, str]:
    """AWS's (or the SDK's) own message, and what it means.

    Returns:
        Such as ("ResourceInUseException: Table already exists: Music", "There is a table …").
        The second is "" where nothing can be said beyond the message.
    """
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        message = f"{answer.get('Code', '')}: {answer.get('Message', '')}"
        return message, _meaning(message)
    if isinstance(error, CourseError):
        return str(error), "Nothing was sent. Correct it, and try again."
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, ParamValidationError):
        return message.replace("\n", " "), _meaning_of_parameter(message)
    if isinstance(error, NoCredentialsError):
        return message, "There is no access key: run connect(), or aws configure."
    return message, _meaning(message)


def _meaning(message: str) -> str:
    return next((said for sign, said in MEANINGS.items() if re.search(sign, message)), "")


def _meaning_of_parameter(message: str) -> str:
    """Of what boto3 itself refuses before it asks AWS."""
    sent = "boto3 saw that before sending it:"
    if "must be one of: S, N" in message:
        return f'{sent} a value needs one type, such as {{"S": "text"}} or {{"N": "12"}}.'
    if "TableName" in message or "IndexName" in message:
        return f"{sent} a name is missing."
    if "AttributeName" in message:
        return f"{sent} a key needs a name."
    if "Invalid type" in message:
        return f'{sent} inside a type comes text: {{"N": "12"}}, with quotes, is a number.'
    return f"{sent} the request is not complete."
