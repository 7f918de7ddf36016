"""Letters in Russian."""

from typing import Final

TEXTS: Final = {
    "sign_up": (
        "Ваше рабочее пространство {company}",
        """
Здравствуйте, {name}!

По этой ссылке откроется рабочее пространство «{company}» с адресом {slug} и пробным периодом на {trial_days} дней. Карта не нужна:

{link}

Ссылка действует до {expires}. Если вы не просили об этом, ничего не делайте: без ссылки ничего не откроется.
""",
    ),
    "invoice": (
        "Счёт {number}",
        """
Здравствуйте!

Во вложении наш счёт {number} от {issued_on} на сумму {amount}, срок оплаты — {due_on}.

Все ваши счета: {link}
""",
    ),
    "invoice_copy": (
        "Счёт {number}, {company}",
        """
Здравствуйте!

Для вашего учёта: счёт {number} от {issued_on} на сумму {amount}, {company}:

{document}

Все счета: {link}
""",
    ),
}

WORDS: Final = {
    "line_period": "{plan}, мест: {seats}, {start} – {end}",
    "line_unused": "Неиспользованное время: {plan}, мест: {seats}, {start} – {end}",
    "line_remaining": "Оставшееся время: {plan}, мест: {seats}, {start} – {end}",
    "line_credit": "Остаток с прошлого счёта",
    "line_carried": "Переносится на следующий счёт",
    "invoice": "Счёт на оплату",
    "void": "аннулирован",
    "number": "Номер",
    "issued_on": "Дата",
    "due_on": "Оплатить до",
    "contract_number": "Договор",
    "purchase_order": "Заказ на закупку",
    "buyer": "Покупатель",
    "seller": "Поставщик",
    "description": "Наименование",
    "amount": "Сумма",
    "subtotal": "Итого без НДС",
    "tax": "НДС {percent} %",
    "total": "Всего к оплате",
    "bank": "Реквизиты для оплаты",
    "reference": "В назначении платежа укажите номер счёта.",
}
"""Short words, as invoices need them."""
