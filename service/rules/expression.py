"""The condition of a rule: ``customer.anger_last_quarter > 0.5 and agent.talk_share > 0.7``.

    condition  = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term       = "not" term | "(" condition ")" | comparison
    comparison = operand ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) operand
    operand    = number | measure

A measure is one of :data:`service.rules.vocabulary.MEASURES`. What is not known of a call makes a comparison neither
true nor false; ``not``, ``and`` and ``or`` take that further as SQL does (Kleene's three-valued logic).
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from service.rules.vocabulary import MEASURES

MAX_LENGTH: Final = 500
MAX_DEPTH: Final = 20

_TOKEN: Final = re.compile(r"\s*(?:(-?\d+(?:\.\d+)?)|([A-Za-z_][\w.]*)|(<=|>=|==|!=|[<>()]))", re.ASCII)
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_WORDS: Final = ("and", "or", "not")
_OPERAND: Final = "a measure or a number"

Values = Mapping[str, float]
Test = Callable[[Values], bool | None]


class RuleError(ValueError):
    """A condition that cannot be read. The message names the character and what should stand there."""


@dataclass(frozen=True, slots=True)
class Condition:
    """``holds`` says whether it is true of a call; None where too little is known of the call.

    ``names`` are the measures in it, in their order, each once.
    """

    names: tuple[str, ...]
    holds: Test


def parse(text: str) -> Condition:
    """Raises: RuleError: ``text`` is no condition."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"a condition has at most {MAX_LENGTH} characters; this one has {len(text)}")
    parser = _Parser(text)
    holds = parser.condition(0)
    if parser.kind is not None:
        raise parser.unexpected("and, or, or the end")
    return Condition(tuple(parser.names), holds)


class _Parser:
    """Looks one token ahead: ``kind`` is what it is (a number, a name, or a sign or word itself), None at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.names: dict[str, None] = {}
        self._next()

    def condition(self, depth: int) -> Test:
        tests = [self._conjunction(depth)]
        while self._took("or"):
            tests.append(self._conjunction(depth))
        return tests[0] if len(tests) == 1 else _any(tests)

    def unexpected(self, expected: str) -> RuleError:
        found = "the condition ends" if self.kind is None else f"there is {self._token!r}"
        return RuleError(f"at character {self._start + 1} {found}; expected {expected}")

    def _conjunction(self, depth: int) -> Test:
        tests = [self._term(depth)]
        while self._took("and"):
            tests.append(self._term(depth))
        return tests[0] if len(tests) == 1 else _all(tests)

    def _term(self, depth: int) -> Test:
        if depth == MAX_DEPTH:
            raise RuleError(
                f"at character {self._start + 1} it is nested more than {MAX_DEPTH} levels deep; flatten it"
            )
        if self._took("not"):
            return _not(self._term(depth + 1))
        if self._took("("):
            inner = self.condition(depth + 1)
            if not self._took(")"):
                raise self.unexpected("and, or, or )")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        left = self._operand(f"{_OPERAND}, not or (")
        compare = _COMPARISONS.get(self.kind or "")
        if compare is None:
            raise self.unexpected(f"one of {' '.join(_COMPARISONS)}")
        self._next()
        right = self._operand(_OPERAND)

        def holds(values: Values) -> bool | None:
            first, second = left(values), right(values)
            return None if first is None or second is None else compare(first, second)

        return holds

    def _operand(self, expected: str) -> Callable[[Values], float | None]:
        token = self._token
        if self.kind == "number":
            number = float(token)
            self._next()
            return lambda _: number
        if self.kind == "name":
            if token not in MEASURES:
                raise RuleError(f"at character {self._start + 1} there is no measure {token!r}; {_those_like(token)}")
            self.names[token] = None
            self._next()
            return lambda values: values.get(token)
        raise self.unexpected(expected)

    def _took(self, kind: str) -> bool:
        """Whether the token was of that kind, and is behind now."""
        if self.kind != kind:
            return False
        self._next()
        return True

    def _next(self) -> None:
        rest = self._text[self._end :]
        self._start = self._end + len(rest) - len(rest.lstrip())
        self._token = ""
        self.kind: str | None = None
        if self._start == len(self._text):
            return
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            raise RuleError(
                f"at character {self._start + 1} there is {self._text[self._start]!r}, which no condition has; "
                "numbers are written as 0.5, texts do not occur"
            )
        number, name, sign = match.groups()
        self._end = match.end()
        self._token = number or name or sign
        self.kind = "number" if number else "name" if name and name not in _WORDS else self._token


def _those_like(name: str) -> str:
    """The measures of the same subject as ``name``, or all there are."""
    subject = name.partition(".")[0]
    same = [known for known in MEASURES if known.partition(".")[0] == subject]
    return f"the measures are {', '.join(same or MEASURES)}"


def _any(tests: list[Test]) -> Test:
    def holds(values: Values) -> bool | None:
        results = [test(values) for test in tests]
        return True if True in results else None if None in results else False

    return holds


def _all(tests: list[Test]) -> Test:
    def holds(values: Values) -> bool | None:
        results = [test(values) for test in tests]
        return False if False in results else None if None in results else True

    return holds


def _not(test: Test) -> Test:
    def holds(values: Values) -> bool | None:
        result = test(values)
        return None if result is None else not result

    return holds
