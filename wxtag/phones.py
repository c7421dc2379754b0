"""Phones as E.164 text, and which of them may stand for a person."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

PERSONAL = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def mobile(text: str, region: str = "CN") -> str | None:
    """+8613800138000 for 138 0013 8000; nothing for what is no mobile number.

    A landline or a 400 number belongs to a shop or an office, so it must never join two people.
    """
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in PERSONAL:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
