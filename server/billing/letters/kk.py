"""Letters in Kazakh."""

from typing import Final

TEXTS: Final = {
    "sign_up": (
        "Сіздің жұмыс кеңістігіңіз: {company}",
        """
Сәлеметсіз бе, {name}!

Бұл сілтеме {slug} мекенжайындағы «{company}» жұмыс кеңістігін {trial_days} күндік сынақ мерзімімен ашады. Карта қажет емес:

{link}

Сілтеме {expires} дейін жарамды. Егер сіз бұны сұрамаған болсаңыз, ештеңе істемеңіз: сілтемесіз ештеңе ашылмайды.
""",
    ),
    "invoice": (
        "Шот {number}",
        """
Сәлеметсіз бе!

Қосымшада біздің {issued_on} күнгі {number} шотымыз, сомасы {amount}, төлеу мерзімі — {due_on}.

Барлық шоттарыңыз: {link}
""",
    ),
    "invoice_copy": (
        "Шот {number}, {company}",
        """
Сәлеметсіз бе!

Есебіңіз үшін: {company} үшін {issued_on} күнгі {number} шоты, сомасы {amount}:

{document}

Барлық шоттар: {link}
""",
    ),
}

WORDS: Final = {
    "line_period": "{plan}, орын саны: {seats}, {start} – {end}",
    "line_unused": "Пайдаланылмаған уақыт: {plan}, орын саны: {seats}, {start} – {end}",
    "line_remaining": "Қалған уақыт: {plan}, орын саны: {seats}, {start} – {end}",
    "line_credit": "Алдыңғы шоттан қалған қаражат",
    "line_carried": "Келесі шотқа ауыстырылады",
    "invoice": "Төлем шоты",
    "void": "күші жойылған",
    "number": "Нөмірі",
    "issued_on": "Күні",
    "due_on": "Төлеу мерзімі",
    "contract_number": "Шарт",
    "purchase_order": "Сатып алу тапсырысы",
    "buyer": "Сатып алушы",
    "seller": "Жеткізуші",
    "description": "Атауы",
    "amount": "Сомасы",
    "subtotal": "ҚҚС-сыз барлығы",
    "tax": "ҚҚС {percent} %",
    "total": "Төлеуге барлығы",
    "bank": "Төлем деректемелері",
    "reference": "Төлем мақсатында шоттың нөмірін көрсетіңіз.",
}
"""Short words, as invoices need them."""
