"""Letters in every language have the same kinds, and the same places to fill."""

from datetime import UTC, datetime
from string import Formatter

import pytest

from server.billing.letters import LANGUAGES, WORDS, language_of, say_amount, say_country, say_date, write_letter


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_language_has_every_letter_with_every_place(language: str):
    """A letter without its date or its link helps nobody; one with a place too many is never sent."""
    english = LANGUAGES["en"]

    assert LANGUAGES[language].keys() == english.keys()
    assert WORDS[language].keys() == WORDS["en"].keys()
    for kind, (subject, text) in LANGUAGES[language].items():
        assert places(subject) | places(text) == places("".join(english[kind])), kind
        assert "{link}" in text, kind
    for name, text in WORDS[language].items():
        assert places(text) == places(WORDS["en"][name]), name


@pytest.mark.parametrize(
    ("tag", "language"), [("kk-KZ", "kk"), ("ru_RU", "ru"), ("EN", "en"), ("de", "en"), ("", "en")]
)
def test_a_language_that_we_do_not_write_is_answered_in_english(tag: str, language: str):
    """Better than not at all."""
    assert language_of(tag) == language


@pytest.mark.parametrize(
    ("minor", "currency", "language", "said"),
    [
        (123_456, "EUR", "en", "€1,234.56"),
        (9_900, "JPY", "en", "¥9,900"),
        (6_000, "KWD", "ru", "6,000 KWD"),
        (990_000, "KZT", "kk", "9 900,00 ₸"),
    ],
)
def test_amounts_are_written_as_readers_write_them(minor: int, currency: str, language: str, said: str):
    """Yen have no minor unit, dinars three digits of it."""
    assert say_amount(minor, currency, language).replace("\xa0", " ") == said


def test_a_day_is_the_readers_day():
    """In Almaty it is tomorrow already."""
    said = say_date(datetime(2026, 3, 14, 20, tzinfo=UTC), "Asia/Almaty", "ru")

    assert said.replace("\u202f", " ") == "15 марта 2026 г."
    assert (say_country("KZ", "kk"), say_country("XX", "en")) == ("Қазақстан", "XX")


def test_what_people_typed_stays_in_one_line_and_in_its_place():
    """A company's name forges no header and no second paragraph."""
    message = write_letter(
        "sign_up", "en", sender="no-reply@x.example", to="ann@x.example", company="A\r\nBcc: all@x.example",
        name="{link}", slug="a", trial_days="14", link="https://x.example", expires="today",
    )  # fmt: skip

    assert message["Bcc"] is None
    assert message["Subject"] == "Your workspace A Bcc: all@x.example"
    assert "Hello {link}," in message.get_content()
