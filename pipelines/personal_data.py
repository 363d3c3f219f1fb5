"""Personal data in a text, each kind replaced by a word in brackets: `请致电13812345678` → `请致电[手机]`. Off by default.

Numbers count as personal only where their form, and for cards their check digit, says so: 13 digits in a table of results stay. The masks
are of Han characters, so that they are in every Chinese vocabulary and hold no digit that another rule could take for data.
"""

import re
from collections.abc import Callable
from datetime import date

MOBILE_MASK, IDENTITY_CARD_MASK, EMAIL_MASK, MESSENGER_MASK, BANK_CARD_MASK = "[手机]", "[证件]", "[邮箱]", "[账号]", "[卡号]"

_ALONE, _END = r"(?<![0-9A-Za-z.])", r"(?![0-9A-Za-z])"
_MOBILE = re.compile(rf"{_ALONE}(?:\+?86[- ]?)?1[3-9][0-9]([- ]?)[0-9]{{4}}\1[0-9]{{4}}{_END}")
_IDENTITY_CARD = re.compile(rf"{_ALONE}[1-9][0-9]{{16}}[0-9Xx]{_END}")
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECKS = "10X98765432"
_BANK_CARD = re.compile(rf"{_ALONE}(?:62|4[0-9]|5[1-5])[0-9]{{2}}( ?)[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}(?:\1[0-9]{{1,3}})?{_END}")
_DOMAIN = re.compile(r"@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,18}(?![A-Za-z0-9])")
_LOCAL_PART = re.compile(r"[A-Za-z0-9._%+\-]{1,64}\Z")
_MAX_LOCAL_PART = 64  # characters, RFC 5321 §4.5.3.1.1
_NUMBER_MESSENGER = re.compile(rf"((?<![A-Za-z])[Qq]{{2}}(?:群|交流群|号|号码)?[ ：:]{{0,2}})[1-9][0-9]{{4,10}}{_END}")
_NAME_MESSENGER = re.compile(
    r"((?:微信|(?<![A-Za-z])(?:[Ww]e[Cc]hat|[Vv][Xx]))(?:公众号|账号|帐号|号码|号)?(?:为|是)?[ ：:]{1,2})"
    r"[A-Za-z][A-Za-z0-9_-]{5,19}(?![A-Za-z0-9_-])"
)


def mask_mobile_numbers(text: str) -> str:
    """Mobile numbers of mainland China, written together or as 3, 4 and 4 digits, with or without +86."""
    return _MOBILE.sub(MOBILE_MASK, text) if "1" in text else text


def mask_identity_cards(text: str) -> str:
    """Numbers of 18 digits with a date of birth and the check digit of GB 11643."""
    return _IDENTITY_CARD.sub(lambda card: IDENTITY_CARD_MASK if is_identity_card(card[0]) else card[0], text)


def mask_email_addresses(text: str) -> str:
    """Addresses `name@host.tld`."""
    parts: list[str] = []
    position = 0
    for domain in _DOMAIN.finditer(text) if "@" in text else ():
        name = _LOCAL_PART.search(text[max(position, domain.start() - _MAX_LOCAL_PART) : domain.start()])
        if name:
            parts += [text[position : domain.start() - len(name[0])], EMAIL_MASK]
            position = domain.end()
    return "".join(parts) + text[position:] if parts else text


def mask_messenger_ids(text: str) -> str:
    """QQ numbers and WeChat names, which only the word before them tells from others; that word stays."""
    return _NAME_MESSENGER.sub(rf"\1{MESSENGER_MASK}", _NUMBER_MESSENGER.sub(rf"\1{MESSENGER_MASK}", text))


def mask_bank_cards(text: str) -> str:
    """Numbers of 16 to 19 digits that begin as UnionPay, Visa and Mastercard do and pass the Luhn check (ISO/IEC 7812-1)."""
    return _BANK_CARD.sub(lambda card: BANK_CARD_MASK if passes_luhn(card[0].replace(" ", "")) else card[0], text)


def is_identity_card(number: str) -> bool:
    """Whether 17 digits and a check digit are a valid identity card number.

    >>> is_identity_card("11010519491231002X"), is_identity_card("110105194912310021")
    (True, False)
    """
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_IDENTITY_WEIGHTS, number, strict=False))
    return _IDENTITY_CHECKS[total % 11] == number[17].upper()


def passes_luhn(number: str) -> bool:
    """Whether the last digit is the check digit of the others.

    >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
    (True, False)
    """
    doubled = (2 * int(digit) if i % 2 else int(digit) for i, digit in enumerate(reversed(number)))
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0


MASKS: dict[str, Callable[[str], str]] = {
    "identity_card": mask_identity_cards,  # first: a mobile number may look like the middle of a longer number
    "bank_card": mask_bank_cards,
    "mobile": mask_mobile_numbers,
    "email": mask_email_addresses,
    "messenger": mask_messenger_ids,
}
