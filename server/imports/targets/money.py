"""Targets about money: what accounts owe."""

from typing import Final

from server.imports.targets.shape import Part, Target, column, external_id

RECEIVABLE: Final = Target(
    "receivable",
    (Part("receivable", "receivable", ("document_number", "account_id"), same_as={"amount_minor": "balance_minor"}),),
    (
        external_id("receivable", "receivable id,debt id,код задолженности"),
        column("account", "receivable.account_id", "customer,client,debtor,company,customer id,account id,контрагент,клиент,должник,код клиента,борышкер", refers="account", required=True),
        column("document_number", "receivable.document_number", "invoice,invoice number,document,number,накладная,документ,номер,номер документа,құжат", required=True, hint="with the account, finds it again"),
        column("balance", "receivable.balance_minor", "debt,open amount,outstanding,balance due,долг,задолженность,остаток долга,берешек", required=True, hint="in the currency's major unit; 0 when it is paid"),
        column("amount", "receivable.amount_minor", "total,invoice amount,сумма,сумма документа,сомасы", hint="the balance otherwise"),
        column("currency", "receivable.currency", "currency code,валюта", hint="your company's otherwise"),
        column("due_on", "receivable.due_on", "due date,due,pay by,срок оплаты,дата оплаты,төлеу мерзімі", required=True),
        column("as_of", "receivable.as_of", "date,on date,на дату,дата", hint="now otherwise"),
        column("invoice", "receivable.invoice_id", "invoice id,код накладной", refers="invoice"),
        column("legal_entity", "receivable.legal_entity_id", "our company,organisation,seller,организация,юрлицо", refers="legal_entity", hint="the only one otherwise"),
    ),
)  # fmt: skip
