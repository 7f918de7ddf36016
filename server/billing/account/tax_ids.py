"""Tax ids on invoices: kinds in the words of the payment provider, checked by their countries' rules. Pure."""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from stdnum.exceptions import ValidationError

TAX_IDS_MAX: Final = 5

_CHECKED: Final[Mapping[str, str]] = {
    "au_abn": "au.abn", "az_tin": "az.voen", "by_tin": "by.unp", "ca_bn": "ca.bn", "ch_vat": "ch.vat",
    "cn_tin": "cn.uscc", "eu_vat": "eu.vat", "gb_vat": "gb.vat", "il_vat": "il.hp", "in_gst": "in_.gstin",
    "is_vat": "is_.vsk", "jp_cn": "jp.cn", "kr_brn": "kr.brn", "mx_rfc": "mx.rfc", "no_vat": "no.mva",
    "ru_inn": "ru.inn", "sg_uen": "sg.uen", "th_vat": "th.tin", "tr_tin": "tr.vkn", "us_ein": "us.ein",
    "za_vat": "za.tin",
}  # fmt: skip
"""Kind → module of python-stdnum that knows its check digits."""
_SHAPED: Final[Mapping[str, str]] = {
    "ae_trn": r"\d{15}", "am_tin": r"\d{8}", "ge_vat": r"\d{9}|\d{11}", "kg_tin": r"\d{14}", "md_vat": r"\d{7}",
    "ru_kpp": r"\d{4}[\dA-Z]{2}\d{3}", "sa_vat": r"3\d{13}3", "tj_tin": r"\d{9}", "ua_vat": r"\d{9,12}",
    "uz_tin": r"\d{9}", "uz_vat": r"\d{12}",
}  # fmt: skip
"""Kind → form, where no check digit is known to us."""

KINDS: Final = tuple(sorted({*_CHECKED, *_SHAPED, "kz_bin"}))


def clean_tax_id(kind: str, value: str) -> str:
    """The id as it is stored: without blanks.

    Raises:
        ValueError: it cannot be one; the text says why.
    """
    if kind not in KINDS:
        raise ValueError(f"“{kind[:20]}” is no kind of tax id that we know: choose one of {', '.join(KINDS)}.")
    compact = re.sub(r"[\s.\-/]", "", value).upper()
    if kind == "kz_bin":
        return _checked_kz(compact)
    if kind in _SHAPED:
        if not re.fullmatch(_SHAPED[kind], compact):
            raise ValueError(f"“{value[:40]}” has not the form of a {kind}.")
        return compact
    validate: Callable[[str], str] = import_module(f"stdnum.{_CHECKED[kind]}").validate
    try:
        validate(value.strip())
    except ValidationError as error:
        raise ValueError(f"“{value[:40]}” is no {kind}: {error}") from None
    return re.sub(r"\s", "", value).upper()


def _checked_kz(digits: str) -> str:
    """A BIN of a company or an IIN of a person: twelve digits, the last from the others.

    The control digit: the sum of digits times 1 … 11, modulo 11; where that is 10, once more with 3 … 11, 1, 2
    (rules of the Republic of Kazakhstan for forming the identification number).
    """
    if not re.fullmatch(r"\d{12}", digits):
        raise ValueError("A BIN or IIN has twelve digits.")
    for weights in (range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        control = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % 11
        if control < 10:
            break
    if control != int(digits[11]):
        raise ValueError(f"“{digits}” is no BIN or IIN: its last digit does not fit the others.")
    return digits
