"""Targets about customers: accounts, outlets, contacts, agreements."""

from typing import Final

from server.imports.targets.shape import Column, Part, Target, column, external_id

_ADDRESS: Final = (
    ("street", "address,address 1,street address,delivery address,адрес,улица,адрес доставки,мекенжай,мекенжайы,көше"),
    ("city", "town,locality,город,населенный пункт,қала,қаласы"),
    ("region", "state,province,county,регион,область,облыс,облысы,өңір"),
    ("postal_code", "zip,zip code,postcode,post code,индекс,почтовый индекс,пошта индексі"),
    ("country", "country code,nation,страна,ел,елі"),
)
_CHANNELS: Final = (
    ("phone", "telephone,phone number,tel,business phone,телефон,тел,номер телефона,рабочий телефон,телефоны"),
    ("mobile", "cell,cell phone,mobile phone,phone 2,мобильный,сотовый,мобильный телефон,ұялы телефон"),
    ("fax", "fax number,факс"),
    ("email", "e-mail,mail,email address,почта,электронная почта,эл почта,электрондық пошта"),
    ("messenger", "telegram,whatsapp,viber,мессенджер"),
)
CHANNEL_KINDS: Final = {"mobile": "phone"}
"""Channels whose kind is not their name: the name becomes the label."""


def address_columns(part: str) -> tuple[Column, ...]:
    """The address, part by part."""
    return tuple(column(name, f"{part}.address.{name}", known_as) for name, known_as in _ADDRESS)


def _places(part: str, position: str = "") -> tuple[Column, ...]:
    return (
        *address_columns(part),
        column("latitude", f"{part}.position.latitude", f"lat,широта,ендік,{position}"),
        column("longitude", f"{part}.position.longitude", "lon,lng,long,долгота,бойлық"),
        column("time_zone", f"{part}.time_zone", "timezone,tz,часовой пояс,уақыт белдеуі", hint="such as Europe/Riga"),
        column("territory", f"{part}.territory_id", "territory id,area,территория,аумақ", refers="territory"),
        column("channel", f"{part}.channel", "trade channel,outlet type,канал,тип точки,арна"),
        column("rep", "assignment.member_id", "sales rep,representative,manager,agent,торговый представитель,агент,менеджер,ответственный,өкіл", refers="member"),
    )  # fmt: skip


def channel_parts() -> tuple[Part, ...]:
    """A part for each channel that a line can name."""
    return tuple(
        Part(
            name,
            "contact_channel",
            ("contact_id", "channel_kind", "value"),
            {"contact_id": "contact"},
            {"channel_kind": CHANNEL_KINDS.get(name, name), **({"label": name} if name in CHANNEL_KINDS else {})},
        )
        for name, _ in _CHANNELS
    )


def channel_columns() -> tuple[Column, ...]:
    """The channels of the contact."""
    return tuple(column(name, f"{name}.value", known_as) for name, known_as in _CHANNELS)


def _person() -> tuple[Column, ...]:
    return (
        column("contact_name", "contact.name", "contact,contact person,person,attention,контакт,контактное лицо,байланысатын адам"),
        column("contact_title", "contact.job_title", "job title,title,position,должность,лауазымы"),
        *channel_columns(),
    )  # fmt: skip


_ASSIGNMENT: Final = Part(
    "assignment", "assignment", ("outlet_id", "member_id"), {"outlet_id": "outlet"}, made_by=("member_id",)
)
_TERMS: Final = (
    column("price_list", "agreement.price_list_id", "price list name,прайс-лист,прайс,тип цен,бағалар тізімі", refers="price_list"),
    column("legal_entity", "agreement.legal_entity_id", "our company,seller,organisation,наша организация,юрлицо,ұйым", refers="legal_entity"),
    column("currency", "agreement.currency", "currency code,валюта", hint="ISO 4217"),
    column("payment_terms_days", "agreement.payment_terms_days", "payment terms,credit days,отсрочка,отсрочка дней"),
    column("credit_limit", "agreement.credit_limit_minor", "limit,кредитный лимит,лимит,несие лимиті", hint="in the currency's major unit"),
    column("discount_max", "agreement.discount_max", "max discount,maximum discount,максимальная скидка", hint="0.1 or 10%"),
    column("vat_status", "agreement.vat_status", "vat,ндс"),
)  # fmt: skip

ACCOUNT: Final = Target(
    "account",
    (
        Part("account", "account", ("tax_id",)),
        Part("outlet", "outlet", ("account_id", "name"), {"account_id": "account"}, copies={"name": "account.name"}),
        Part("contact", "contact", ("account_id", "name"), {"account_id": "account"}, copies={"name": "account.name"}),
        *channel_parts(),
        Part(
            "agreement", "agreement", ("account_id",), {"account_id": "account"}, made_by=("price_list_id", "legal_entity_id")
        ),
        _ASSIGNMENT,
    ),
    (
        external_id("account", "customer id,client id,account id,supplier id,customer code,код клиента,код контрагента"),
        column("name", "account.name", "company name,company,customer,customer name,client,account name,account,supplier,наименование,название,контрагент,клиент,покупатель,имя,атауы,клиент атауы", required=True),
        column("legal_name", "account.legal_name", "full name,registered name,полное наименование,юридическое название,толық атауы"),
        column("tax_id", "account.tax_id", "tax number,vat id,vat number,tin,inn,bin,iin,инн,бин,иин,унп,бсн,жсн", hint="checked; finds the account again"),
        column("roles", "account.roles", "role,type,роль,тип", hint="customer, supplier, partner; customer otherwise"),
        column("parent", "account.parent_id", "parent account,head company,group,головная организация,родитель,бас компания", refers="account"),
        column("tags", "account.tags", "labels,categories,метки,теги,тегтер", hint="separated by commas"),
        column("outlet_name", "outlet.name", "shop,store,торговая точка,магазин,дүкен"),
        *_places("outlet"),
        column("description", "outlet.description", "notes,note,comment,remarks,описание,комментарий,примечание,сипаттама"),
        *_person(),
        *_TERMS,
    ),
)  # fmt: skip

OUTLET: Final = Target(
    "outlet",
    (
        Part("outlet", "outlet", ("account_id", "name")),
        Part("contact", "contact", ("outlet_id", "name"), {"outlet_id": "outlet"}, copies={"name": "outlet.name", "account_id": "outlet.account_id"}),
        *channel_parts(),
        _ASSIGNMENT,
    ),
    (
        external_id("outlet", "outlet id,shop id,store id,outlet code,код точки,код магазина"),
        column("name", "outlet.name", "outlet name,shop,store,shop name,store name,наименование,название,торговая точка,точка,магазин,атауы,дүкен", required=True),
        column("account", "outlet.account_id", "customer,client,company,customer id,account id,контрагент,клиент,код клиента", refers="account", required=True),
        *_places("outlet", "position"),
        column("description", "outlet.description", "notes,note,comment,описание,комментарий,примечание,сипаттама"),
        column("tags", "outlet.tags", "labels,метки,теги,тегтер", hint="separated by commas"),
        *_person(),
    ),
)  # fmt: skip

CONTACT: Final = Target(
    "contact",
    (Part("contact", "contact", ("account_id", "name"), copies={"account_id": "outlet.account_id"}), *channel_parts()),
    (
        external_id("contact", "contact id,person id,код контакта"),
        column("name", "contact.name", "contact name,contact,full name,person,фио,имя,контакт,контактное лицо,аты-жөні,аты", required=True),
        column("account", "contact.account_id", "customer,client,company,company name,customer id,account id,контрагент,клиент,организация", refers="account", required=True),
        column("outlet", "contact.outlet_id", "shop,store,outlet id,торговая точка,точка,магазин,дүкен", refers="outlet"),
        column("job_title", "contact.job_title", "title,contact title,position,должность,лауазымы"),
        column("language", "contact.language", "lang,язык,тіл"),
        column("description", "contact.description", "notes,note,comment,описание,комментарий,сипаттама"),
        *channel_columns(),
    ),
)  # fmt: skip

AGREEMENT: Final = Target(
    "agreement",
    (Part("agreement", "agreement", ("account_id", "legal_entity_id")),),
    (
        external_id("agreement", "agreement id,contract id,contract,договор,номер договора,шарт"),
        column("account", "agreement.account_id", "customer,client,company,customer id,контрагент,клиент", refers="account", required=True),
        *_TERMS,
    ),
)  # fmt: skip
