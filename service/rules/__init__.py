"""Rules: what a deployer or a caller wants a call to be tagged with, and when."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.rules.expression import MAX_LENGTH, parse
from service.schemas.conversation import Evidence, Tag

MAX_RULES: Final = 50


def _condition(text: str) -> str:
    parse(text)
    return text


class Rule(BaseModel):
    """When a call is tagged, and with what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$",
        description="Lower case letters, digits, `-` and `_`, at most 50 of them, so that every CRM takes it.",
    )
    when: Annotated[str, AfterValidator(_condition)] = Field(
        max_length=MAX_LENGTH,
        description="Such as `customer.anger_last_quarter > 0.5 and agent.talk_share > 0.7`. It compares measures and "
        "numbers by `<`, `<=`, `>`, `>=`, `==` and `!=`; `and`, `or`, `not` and parentheses combine them.",
    )


Rules = Annotated[tuple[Rule, ...], Field(max_length=MAX_RULES)]


def evaluate(rules: Sequence[Rule], measures: Mapping[str, float]) -> list[Tag]:
    """The tags of those rules that are true, in their order, each with every known measure that it names.

    What is not in ``measures`` is not known; a rule that depends on it is not true.
    """
    tags = []
    for rule in rules:
        condition = parse(rule.when)
        if condition.holds(measures):
            known = [Evidence(measure=name, value=measures[name]) for name in condition.names if name in measures]
            tags.append(Tag(tag=rule.tag, rule=rule.when, evidence=known))
    return tags
