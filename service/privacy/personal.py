"""Where a text holds numbers and addresses that point at a person.

Found are cards (13 to 19 digits with the check digit of ISO/IEC 7812-1), accounts (IBAN, ISO 13616), telephone numbers
of the countries that speak the language and international ones, e-mail addresses, and any other number of nine digits
or more. Names are not found, nor are dates.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from phonenumbers import Leniency, PhoneNumberMatcher

CARD: Final = "[card number]"
ACCOUNT: Final = "[account number]"
PHONE: Final = "[phone number]"
EMAIL: Final = "[e-mail address]"
NUMBER: Final = "[number]"

# Where most of those live who speak the language. Numbers of other countries are found with their code.
_COUNTRIES: Final = {
    "de": ("DE", "AT", "CH"),
    "en": ("US", "GB", "AU", "IN", "IE"),
    "es": ("ES", "MX", "AR"),
    "fr": ("FR", "BE", "CH"),
    "it": ("IT", "CH"),
    "nl": ("NL", "BE"),
    "pl": ("PL",),
    "pt": ("PT", "BR"),
    "sv": ("SE",),
}
_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[\w-]{2,63}")
_IBAN: Final = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,30}(?![^\W_])")
_DATE: Final = re.compile(r"(?<!\d)(?:\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./](?:\d\d)?\d\d)(?!\d)")
_RUN: Final = re.compile(r"\+?\(?\d(?:[ .()-]{0,2}\d){8,}")
_LOCAL_PHONE: Final = re.compile(r"(?<!\d)\d{3}[-. ]\d{4}(?!\d)")
# The month, the year and the code that are read out after a card's number.
_AFTER_CARD: Final = re.compile(r"(?:[ ./-]\d{1,4}(?!\d)){0,3}")
_CARD_DIGITS: Final = range(13, 20)
_IBAN_CHARACTERS: Final = range(15, 35)

Span = tuple[int, int]


class Found(NamedTuple):
    """From where to where, and what stands for it."""

    start: int
    end: int
    tag: str


def find(text: str, language: str | None) -> list[Found]:
    """What is personal in ``text``, in its order; no two of them overlap. ``language`` is a code such as ``en_us``;
    None is English."""
    search = _Search(text)
    search.take(EMAIL, (match.span() for match in _EMAIL.finditer(search.left)))
    search.take(ACCOUNT, _accounts(search.left))
    search.blank(match.span() for match in _DATE.finditer(search.left))
    search.take(CARD, _cards(search.left))
    countries = _COUNTRIES.get((language or "en")[:2].lower(), (None,))
    for country in countries:
        matcher = PhoneNumberMatcher(search.left, country, Leniency.VALID, max_tries=len(text))
        search.take(PHONE, ((match.start, match.end) for match in matcher))
    search.take(NUMBER, (match.span() for match in _RUN.finditer(search.left)))
    if "US" in countries:
        search.take(PHONE, (match.span() for match in _LOCAL_PHONE.finditer(search.left)))
    return sorted(search.found)


class _Search:
    """What was found, and what is ``left`` to be searched: the text without it, at the same length."""

    def __init__(self, text: str) -> None:
        self.left = text
        self.found: list[Found] = []

    def take(self, tag: str, spans: Iterable[Span]) -> None:
        taken = [Found(start, end, tag) for start, end in spans]
        self.found += taken
        self.blank((each.start, each.end) for each in taken)

    def blank(self, spans: Iterable[Span]) -> None:
        for start, end in list(spans):
            self.left = f"{self.left[:start]}{chr(0) * (end - start)}{self.left[end:]}"


def _cards(text: str) -> Iterable[Span]:
    """Whole runs of digits in which groups make a card's number, with what follows."""
    for run in _RUN.finditer(text):
        groups = re.findall(r"\d+", run[0])
        if any(_is_card("".join(groups[i:j])) for i in range(len(groups)) for j in range(i + 1, len(groups) + 1)):
            after = _AFTER_CARD.match(text, run.end())
            yield run.start(), after.end() if after else run.end()


def _is_card(digits: str) -> bool:
    """Luhn's check."""
    if len(digits) not in _CARD_DIGITS:
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _accounts(text: str) -> Iterable[Span]:
    """The longest beginning of what looks like an account's number whose check digits are right (ISO 7064, 97-10)."""
    for match in _IBAN.finditer(text):
        ends = [end for end in range(match.end(), match.start(), -1) if not text[end : end + 1].isalnum()]
        for end in ends:
            number = re.sub(r"[ -]", "", text[match.start() : end]).upper()
            if len(number) in _IBAN_CHARACTERS and _is_account(number):
                yield match.start(), end
                break


def _is_account(number: str) -> bool:
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1
