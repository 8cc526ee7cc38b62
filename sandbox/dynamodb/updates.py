"""Update expressions: read, and applied to an item.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

import copy
from decimal import Context, Decimal
from typing import NamedTuple

from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.expressions import Node, Path, Placeholders, Reader, check_apart
from sandbox.dynamodb.paths import look_up
from sandbox.dynamodb.values import SETS, Item, Value, normal_number, sorted_set, type_of

SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
LONG_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
}
EXACT = Context(prec=400)  # Enough for any two numbers of DynamoDB; the sum is checked afterwards.


class Action(NamedTuple):
    """One thing that an update does.

    Attributes:
        section: "SET", "REMOVE", "ADD" or "DELETE".
        path: where.
        operand: a node of an expression; None for REMOVE.
    """

    section: str
    path: Path
    operand: Node | None = None


class UpdateReader(Reader):
    """Reads the sections of an update expression."""

    def actions(self) -> list[Action]:
        """All actions, in the order of the text."""
        found: list[Action] = []
        seen: set[str] = set()
        while self.now.kind != "end":
            if not self.is_word(*SECTIONS):
                raise self.syntax_error()
            section = self.take().text.upper()
            if section in seen:
                raise self.error(
                    f'The "{section}" section can only be used once in an update expression;'
                )
            seen.add(section)
            found.append(self._action(section))
            while self.is_sign(","):
                self.take()
                found.append(self._action(section))
        check_apart(self, [action.path for action in found])
        return found

    def _action(self, section: str) -> Action:
        path = self.path()
        if section == "REMOVE":
            return Action(section, path)
        if section == "SET":
            self.expect("=")
            return Action(section, path, self._sum())
        if self.now.kind != "value":
            raise self.syntax_error()
        operand = self.value()
        kind = type_of(operand[1])
        if kind not in SETS and not (section == "ADD" and kind == "N"):
            raise self.error(
                "Incorrect operand type for operator or function; "
                f"operator: {section}, operand type: {LONG_NAMES[kind]}, "
                f"typeset: ALLOWED_FOR_{section}_OPERAND"
            )
        return Action(section, path, operand)

    def _sum(self) -> Node:
        left = self._operand()
        if not self.is_sign("+", "-"):
            return left
        sign = self.take().text
        right = self._operand()
        for operand in (left, right):
            if operand[0] == "value" and type_of(operand[1]) != "N":
                raise self._wrong_type(sign, operand[1])
        return ("sum", sign, left, right)

    def _operand(self) -> Node:
        if self.is_sign("("):
            self.take()
            inner = self._sum()
            self.expect(")")
            return inner
        function = self.now.text
        if self.now.kind != "word" or self._tokens[self._at + 1].text != "(":
            return self.operand()
        if function not in ("if_not_exists", "list_append"):
            raise self._not_here(function)
        self.take()
        self.expect("(")
        found = [self._operand()]
        while self.is_sign(","):
            self.take()
            found.append(self._operand())
        self.expect(")")
        if len(found) != 2:
            raise self.error(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {function}, number of operands: {len(found)}"
            )
        if function == "if_not_exists" and found[0][0] != "path":
            raise self.error(
                f"Operator or function requires a document path; operator or function: {function}"
            )
        if function == "list_append":
            for operand in found:
                if operand[0] == "value" and type_of(operand[1]) != "L":
                    raise self._wrong_type(function, operand[1])
        return (function, *found)


def read_update(text: str, placeholders: Placeholders) -> list[Action]:
    """The actions of an UpdateExpression.

    Raises:
        DynamoDBError: ValidationException, with AWS's message.
    """
    return UpdateReader("UpdateExpression", text, placeholders).actions()


def apply(actions: list[Action], item: Item) -> Item:
    """The item after an update; every operand is read from the item as it was before.

    Raises:
        DynamoDBError: ValidationException, where the item does not allow the update.
    """
    results = [(action, _result(action, item)) for action in actions if action.section != "REMOVE"]
    changed = copy.deepcopy(item)
    # A list's members are counted as they were: lower positions first, removal from the end.
    for action, value in sorted(results, key=lambda pair: _positions(pair[0].path)):
        if value is None:
            _remove(action.path, changed, strict=False)
        else:
            _put(action.path, changed, value)
    removals = [action.path for action in actions if action.section == "REMOVE"]
    for path in sorted(removals, key=_positions, reverse=True):
        _remove(path, changed)
    return changed


def _positions(path: Path) -> tuple:
    return tuple((isinstance(e, int), e) for e in path)


def _result(action: Action, item: Item) -> Value | None:
    assert action.operand is not None
    if action.section == "SET":
        return _evaluate(action.operand, item)
    now = look_up(action.path, item)
    operand: Value = action.operand[1]
    kind = type_of(operand)
    if now is None:
        return operand if action.section == "ADD" else None
    if type_of(now) != kind:
        raise wrong_data_type()
    if kind == "N":
        return _add("+", now, operand)
    here, given = set(now[kind]), set(operand[kind])
    members = here | given if action.section == "ADD" else here - given
    return {kind: sorted_set(kind, list(members))} if members else None


def _evaluate(operand: Node, item: Item) -> Value:
    what = operand[0]
    if what == "value":
        return operand[1]
    if what == "path":
        value = look_up(operand[1], item)
        if value is None:
            raise invalid(
                "The provided expression refers to an attribute that does not exist in the item"
            )
        return value
    if what == "if_not_exists":
        value = look_up(operand[1][1], item)
        return _evaluate(operand[2], item) if value is None else value
    if what == "list_append":
        first, second = _evaluate(operand[1], item), _evaluate(operand[2], item)
        if "L" not in first or "L" not in second:
            raise wrong_data_type()
        return {"L": first["L"] + second["L"]}
    if what == "sum":
        return _add(operand[1], _evaluate(operand[2], item), _evaluate(operand[3], item))
    raise wrong_data_type()  # size() is no operand of an update.


def _add(sign: str, left: Value, right: Value) -> Value:
    if "N" not in left or "N" not in right:
        raise wrong_data_type()
    one, two = Decimal(left["N"]), Decimal(right["N"])
    total = EXACT.add(one, two) if sign == "+" else EXACT.subtract(one, two)
    return {"N": normal_number(str(total))}


def wrong_data_type() -> DynamoDBError:
    """An operand whose type the operator does not take."""
    return invalid("An operand in the update expression has an incorrect data type")


def _parent(path: Path, item: Item, strict: bool) -> dict | list | None:
    # The map's dict or the list that holds the last element of the path.
    holder: dict | list = item
    for element in path[:-1]:
        value = _member(holder, element)
        if value is None or not ("M" in value or "L" in value):
            if strict:
                raise _no_such_path()
            return None
        holder = value["M"] if "M" in value else value["L"]
    if isinstance(holder, list) != isinstance(path[-1], int):
        if strict:
            raise _no_such_path()
        return None
    return holder


def _member(holder: dict | list, element: str | int) -> Value | None:
    if isinstance(holder, dict):
        return holder.get(element) if isinstance(element, str) else None
    return holder[element] if isinstance(element, int) and element < len(holder) else None


def _put(path: Path, item: Item, value: Value) -> None:
    holder, last = _parent(path, item, strict=True), path[-1]
    if isinstance(holder, list):
        assert isinstance(last, int)
        if last < len(holder):
            holder[last] = value
        else:
            holder.append(value)
    elif holder is not None:
        holder[last] = value


def _remove(path: Path, item: Item, strict: bool = True) -> None:
    holder, last = _parent(path, item, strict), path[-1]
    if isinstance(holder, list):
        assert isinstance(last, int)
        del holder[last : last + 1]
    elif holder is not None:
        holder.pop(last, None)


def _no_such_path() -> DynamoDBError:
    return invalid("The document path provided in the update expression is invalid for update")
