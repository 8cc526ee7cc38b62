"""Conditions and filters: read from their expression, and asked of an item.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import base64
from typing import Any

from sandbox.dynamodb.errors import DynamoDBError
from sandbox.dynamodb.expressions import (
    COMPARATORS,
    DEEPEST,
    FUNCTIONS,
    Node,
    Placeholders,
    Reader,
    shown,
)
from sandbox.dynamodb.paths import look_up
from sandbox.dynamodb.values import SCALARS, SETS, TYPES, Item, Value, comparable, type_of


class ConditionReader(Reader):
    """Reads a condition: comparisons and functions, joined by AND, OR and NOT."""

    def condition(self) -> Node:
        """OR binds loosest."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.error("The expression is nested too deeply;")
        left = self._conjunction()
        while self.is_word("OR"):
            self.take()
            left = ("or", left, self._conjunction())
        self._depth -= 1
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self.is_word("AND"):
            self.take()
            left = ("and", left, self._negation())
        return left

    def _negation(self) -> Node:
        turned = 0
        while self.is_word("NOT"):
            self.take()
            turned += 1
        node = self._primary()
        return ("not", node) if turned % 2 else node

    def _primary(self) -> Node:
        if self.is_sign("("):
            self.take()
            again = self.is_sign("(")
            begun = self._at
            inner = self.condition()
            self.expect(")")
            if again and self._closes(begun) == self._at - 2:
                raise self.error("The expression has redundant parentheses;")
            return inner
        if self.now.kind == "word" and self._tokens[self._at + 1].text == "(":
            function = self.now.text
            if function in FUNCTIONS:
                return self._call(function)
            if function != "size":
                raise self._not_here(function)
        return self._comparison(self.operand())

    def _closes(self, opening: int) -> int:
        depth = 0
        for position in range(opening, len(self._tokens)):
            depth += {"(": 1, ")": -1}.get(self._tokens[position].text, 0)
            if depth == 0:
                return position
        return -1

    def _call(self, function: str) -> Node:
        arguments = self.arguments(function, FUNCTIONS[function])
        first = arguments[0]
        if function.startswith("attribute_") and first[0] != "path":
            raise self.error(
                f"Operator or function requires a document path; operator or function: {function}"
            )
        if function == "attribute_type":
            kind = arguments[1][1] if arguments[1][0] == "value" else {"path": None}
            if "S" not in kind:
                raise self._wrong_type(function, kind)
            if kind["S"] not in TYPES:
                raise self.error(
                    f"Invalid attribute type name found; type: {kind['S']}, "
                    f"valid types: {{{','.join(TYPES)}}}"
                )
        if function == "begins_with":
            for argument in arguments:
                if argument[0] == "value" and type_of(argument[1]) not in ("S", "B"):
                    raise self._wrong_type(function, argument[1])
        if function in ("begins_with", "contains") and arguments[0] == arguments[1]:
            raise self._same(function, arguments[0])
        return ("call", function, arguments)

    def _comparison(self, left: Node) -> Node:
        if self.is_sign(*COMPARATORS):
            operator = self.take().text
            right = self.operand()
            self._check_operands(operator, (left, right), operator in ("=", "<>"))
            return ("compare", operator, left, right)
        if self.is_word("BETWEEN"):
            self.take()
            low = self.operand()
            if not self.is_word("AND"):
                raise self.syntax_error()
            self.take()
            high = self.operand()
            self._check_operands("BETWEEN", (left, low, high), False)
            self._check_bounds(low, high)
            return ("between", left, low, high)
        if self.is_word("IN"):
            self.take()
            self.expect("(")
            choices = [self.operand()]
            while self.is_sign(","):
                self.take()
                choices.append(self.operand())
            self.expect(")")
            self._check_operands("IN", (left, *choices), True)
            return ("in", left, tuple(choices))
        raise self.syntax_error()

    def _check_operands(self, operator: str, operands: tuple[Node, ...], any_type: bool) -> None:
        for operand in operands:
            if not any_type and operand[0] == "value" and type_of(operand[1]) not in SCALARS:
                raise self._wrong_type(operator, operand[1], "operator")
        if operands[0] in operands[1:]:
            raise self._same(operator, operands[0])

    def _check_bounds(self, low: Node, high: Node) -> None:
        if low[0] != "value" or high[0] != "value":
            return
        if type_of(low[1]) != type_of(high[1]):
            raise self.error(
                "The BETWEEN operator requires same data type for lower and upper bounds; "
                f"lower bound operand: AttributeValue: {_braced(low[1])}, "
                f"upper bound operand: AttributeValue: {_braced(high[1])}"
            )
        if comparable(low[1]) > comparable(high[1]):
            raise self.error(
                "The BETWEEN operator requires upper bound to be greater than or equal to lower "
                f"bound; lower bound operand: AttributeValue: {_braced(low[1])}, "
                f"upper bound operand: AttributeValue: {_braced(high[1])}"
            )

    def _same(self, operator: str, operand: Node) -> DynamoDBError:
        content = shown(operand[1]) if operand[0] == "path" else _braced(operand[1])
        return self.error(
            "The first operand must be distinct from the remaining operands for this operator or "
            f"function; operator: {operator}, first operand: {content}"
        )


def read_condition(kind: str, text: str, placeholders: Placeholders) -> Node:
    """The tree of a condition.

    Args:
        kind: "ConditionExpression" or "FilterExpression", for messages.
        text: the expression.
        placeholders: the request's names and values.

    Raises:
        DynamoDBError: ValidationException, with AWS's message.
    """
    reader = ConditionReader(kind, text, placeholders)
    node = reader.condition()
    reader.finish()
    return node


def holds(node: Node, item: Item) -> bool:
    """Whether a condition is true of an item."""
    what = node[0]
    if what == "and":
        return holds(node[1], item) and holds(node[2], item)
    if what == "or":
        return holds(node[1], item) or holds(node[2], item)
    if what == "not":
        return not holds(node[1], item)
    if what == "compare":
        return compare(node[1], resolve(node[2], item), resolve(node[3], item))
    if what == "between":
        value = resolve(node[1], item)
        return compare(">=", value, resolve(node[2], item)) and compare(
            "<=", value, resolve(node[3], item)
        )
    if what == "in":
        value = resolve(node[1], item)
        return any(compare("=", value, resolve(choice, item)) for choice in node[2])
    return _call(node[1], [resolve(operand, item) for operand in node[2]])


def compare(operator: str, left: Value | None, right: Value | None) -> bool:
    """`left operator right`; None is an attribute that the item does not have."""
    if operator == "<>":
        return not compare("=", left, right)
    if left is None or right is None or type_of(left) != type_of(right):
        return False
    if operator == "=":
        return left == right
    if type_of(left) not in SCALARS:
        return False
    one, two = comparable(left), comparable(right)
    if operator == "<":
        return one < two
    if operator == "<=":
        return one <= two
    return one > two if operator == ">" else one >= two


def resolve(operand: Node, item: Item) -> Value | None:
    """The value that an operand has for an item."""
    if operand[0] == "value":
        return operand[1]
    if operand[0] == "path":
        return look_up(operand[1], item)
    size = _size(resolve(operand[1], item))
    return None if size is None else {"N": str(size)}


def _size(value: Value | None) -> int | None:
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "B":
        return len(base64.b64decode(content))
    return len(content) if kind in ("L", "M", *SETS) else None


def _call(function: str, operands: list[Value | None]) -> bool:
    first = operands[0]
    if function == "attribute_exists":
        return first is not None
    if function == "attribute_not_exists":
        return first is None
    second = operands[1]
    if first is None or second is None:
        return False
    if function == "attribute_type":
        return type_of(first) == second["S"]
    if function == "begins_with":
        return type_of(first) == type_of(second) and _starts(first, second)
    return _contains(first, second)


def _starts(value: Value, start: Value) -> bool:
    return type_of(value) in ("S", "B") and comparable(value).startswith(comparable(start))


def _contains(value: Value, part: Value) -> bool:
    ((kind, content),) = value.items()
    ((part_kind, part_content),) = part.items()
    if kind == "L":
        return part in content
    if kind in SETS:
        return SETS[kind] == part_kind and part_content in content
    return kind == part_kind and kind in ("S", "B") and comparable(part) in comparable(value)


def _braced(value: Any) -> str:
    ((kind, content),) = value.items()
    return f"{{{kind}:{content}}}"
