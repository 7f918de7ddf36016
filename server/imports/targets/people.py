"""Targets about the tenant itself: its companies, users, territories and who visits what."""

from typing import Final

from server.imports.targets.shape import Part, Target, column, external_id

LEGAL_ENTITY: Final = Target(
    "legal_entity",
    (Part("legal_entity", "legal_entity", ("name",)),),
    (
        external_id("legal_entity", "company id,код организации"),
        column("name", "legal_entity.name", "company,company name,организация,название,наименование,ұйым,атауы", required=True),
        column("tax_id", "legal_entity.tax_id", "tax number,vat id,vat number,инн,бин,бсн"),
        column("country", "legal_entity.country", "country code,страна,ел", hint="two letters, or its name"),
        column("currency", "legal_entity.currency", "currency code,валюта", required=True, hint="ISO 4217"),
        column("number_series", "legal_entity.number_series", "order prefix,серия"),
    ),
)  # fmt: skip

USER: Final = Target(
    "user",
    (Part("user", "member", ("email",), defaults={"role": "rep"}),),
    (
        external_id("user", "employee id,user id,employee number,табельный номер,код сотрудника"),
        column("name", "user.name", "full name,employee,employee name,user,фио,имя,сотрудник,аты-жөні", required=True),
        column("first_name", "user.first_name", "given name,имя,аты", hint="with last_name, in place of name"),
        column("last_name", "user.last_name", "surname,family name,фамилия,тегі"),
        column("email", "user.email", "e-mail,mail,login,почта,электронная почта,логин", hint="finds the user again"),
        column("role", "user.role", "rights,роль,рөлі", hint="rep, manager, admin, billing, or one of your own; rep otherwise"),
        column("active", "user.active", "enabled,активен,белсенді", hint="yes or no"),
    ),
)  # fmt: skip

TERRITORY: Final = Target(
    "territory",
    (Part("territory", "territory", ("name", "parent_id")),),
    (
        external_id("territory", "territory id,region id,код территории"),
        column("name", "territory.name", "territory,territory name,territory description,region description,region,название,наименование,территория,аумақ,атауы", required=True),
        column("parent", "territory.parent_id", "parent territory,region id,родитель,регион,өңір", refers="territory"),
        column("manager", "territory.manager_id", "manager id,supervisor,руководитель,менеджер,супервайзер", refers="member"),
    ),
)  # fmt: skip

ASSIGNMENT: Final = Target(
    "assignment",
    (Part("assignment", "assignment", ("outlet_id", "member_id")),),
    (
        column("rep", "assignment.member_id", "member,user,employee,employee id,sales rep,agent,торговый представитель,агент,сотрудник,өкіл", refers="member", required=True),
        column("outlet", "assignment.outlet_id", "shop,store,outlet id,customer,customer id,торговая точка,точка,магазин,клиент,дүкен", refers="outlet", required=True),
        column("starts_on", "assignment.starts_on", "from,start,с,действует с"),
        column("ends_on", "assignment.ends_on", "to,until,end,по,действует по"),
    ),
    external=False,
)  # fmt: skip
