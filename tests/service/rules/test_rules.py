"""Rules: which are taken, and which calls they tag."""

import pytest
from pydantic import TypeAdapter, ValidationError

from service.rules import MAX_RULES, Rule, Rules, evaluate
from service.rules.measures import measures
from tests.service.rules.kit import AGENT, CUSTOMER, acoustics, conversation, voice

ESCALATE = "customer.anger_last_quarter > 0.5 and agent.talk_share > 0.7"
LONG = {"tag": "long", "when": "call.duration_seconds > 600"}


def tagged(when, **known):
    return [tag.tag for tag in evaluate([Rule(tag="tagged", when=when)], known)]


def test_a_rule_tags_a_call_and_says_why():
    known = {"customer.anger_last_quarter": 0.62, "agent.talk_share": 0.74, "call.talk_seconds": 3.0}
    (tag,) = evaluate([Rule(tag="escalate", when=ESCALATE)], known)
    assert tag.model_dump() == {
        "tag": "escalate",
        "rule": ESCALATE,
        "evidence": [
            {"measure": "customer.anger_last_quarter", "value": 0.62},
            {"measure": "agent.talk_share", "value": 0.74},
        ],
    }


def test_a_call_that_was_made_for_it():
    heard = acoustics(CUSTOMER, AGENT, customer=voice(angry=0.4))
    rules = [
        Rule(tag="escalate", when=ESCALATE),
        Rule(tag="calm", when="customer.anger_last_quarter <= 0.5"),
        Rule(tag="agent-angry", when="agent.anger > 0.5"),
        Rule(tag="agent-not-angry", when="not agent.anger > 0.5"),
        Rule(tag="heard", when="agent.anger > 0.5 or customer.anger > 0.3"),
    ]
    assert [tag.tag for tag in evaluate(rules, measures(heard, None, conversation()))] == ["escalate", "heard"]
    assert [tag.tag for tag in evaluate(rules, measures(heard, None, None))] == ["heard"]


@pytest.mark.parametrize("anger", [0.4, 0.5, 0.6])
def test_exactly_one_of_a_rule_and_its_negation_tags_a_call_of_which_enough_is_known(anger):
    known = {"customer.anger": anger}
    assert len(tagged("customer.anger > 0.5", **known) + tagged("not customer.anger > 0.5", **known)) == 1


def test_neither_a_rule_nor_its_negation_tags_a_call_of_which_too_little_is_known():
    assert tagged("customer.anger > 0.5") == tagged("not customer.anger > 0.5") == []


def test_what_is_not_known_is_no_evidence():
    (tag,) = evaluate([Rule(tag="a", when="agent.anger > 0.5 or customer.anger > 0.5")], {"customer.anger": 0.6})
    assert [item.measure for item in tag.evidence] == ["customer.anger"]


def test_tags_come_in_the_order_of_their_rules():
    rules = [Rule(tag="b", when="1 > 0"), Rule(tag="never", when="0 > 1"), Rule(tag="a", when="1 > 0")]
    assert [tag.tag for tag in evaluate(rules, {})] == ["b", "a"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"tag": "long", "when": "call.duration > 1"}, "there is no measure 'call.duration'; the measures are call."),
        ({"tag": "long", "when": "1 > 0 " + " " * 500}, "at most 500 characters"),
        ({"tag": "Not Lower", "when": "1 > 0"}, "match pattern"),
        ({"tag": "", "when": "1 > 0"}, "match pattern"),
        ({"tag": "x" * 51, "when": "1 > 0"}, "match pattern"),
        ({"tag": "long"}, "Field required"),
        ({**LONG, "then": "escalate"}, "Extra inputs are not permitted"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(rule, message):
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate(rule)
    assert message in str(caught.value)


def test_there_are_not_too_many_rules():
    adapter = TypeAdapter[tuple[Rule, ...]](Rules)
    assert len(adapter.validate_python([LONG] * MAX_RULES)) == MAX_RULES
    with pytest.raises(ValidationError, match="at most 50"):
        adapter.validate_python([LONG] * (MAX_RULES + 1))
