"""Targets about what happened: orders with their lines."""

from dataclasses import replace
from typing import Final

from server.imports.targets.shape import Column, Part, Target, column, external_id

_LINE: Final = (
    column("product", "line.product_id", "item,product id,product code,sku,article,товар,артикул,номенклатура,тауар", refers="product", required=True),
    column("quantity", "line.quantity", "qty,количество,кол-во,саны", required=True),
    column("unit", "line.unit", "uom,единица,ед,ед изм,өлшем бірлігі", hint="the product's base unit otherwise"),
    column("price", "line.list_price", "unit price,цена,баға", hint="of the price list otherwise"),
    column("discount", "line.discount", "скидка,жеңілдік", hint="0.05 or 5%"),
)  # fmt: skip


def _order_columns() -> tuple[Column, ...]:
    return (
        external_id("order", "order id,код заказа,код документа"),
        column("number", "order.number", "order number,order no,document,номер,номер заказа,тапсырыс нөмірі", required=True, hint="finds the order again"),
        column("outlet", "order.outlet_id", "shop,store,customer,customer id,client,account,outlet id,торговая точка,точка,клиент,контрагент,дүкен", refers="outlet", required=True),
        column("rep", "order.maker_id", "employee,employee id,sales rep,agent,торговый представитель,агент,менеджер,өкіл", refers="member", hint="who took it; who imports otherwise"),
        column("ordered_at", "order.captured_at", "date,order date,ordered,дата,дата заказа,күні", hint="now otherwise"),
        column("delivery_date", "order.delivery_date", "required date,delivery,дата доставки,жеткізу күні"),
        column("status", "order.status", "state,статус,күйі", hint="“closed” otherwise: it is history"),
        column("warehouse", "order.warehouse_id", "depot,склад,қойма", refers="warehouse", hint="the only one otherwise"),
        column("note", "order.note", "notes,comment,комментарий,примечание,ескертпе"),
        *(column(f"ship_{name}", f"order.address_snapshot.{name}", f"ship {also}") for name, also in (
            ("street", "address"), ("city", "city"), ("region", "region"), ("postal_code", "postal code"), ("country", "country"))),
    )  # fmt: skip


ORDER: Final = Target(
    "order",
    (
        Part("order", "order", ("number",)),
        Part("line", "order_line", (), {"order_id": "order"}, made_by=("product_id",)),
    ),
    (
        *_order_columns(),
        *(
            replace(c, required=False)  # an order may come without lines
            for c in _LINE
        ),
    ),
    grouped=True,
)

ORDER_LINE: Final = Target(
    "order_line",
    (Part("line", "order_line", ("order_id", "product_id", "unit")),),
    (
        column("order", "line.order_id", "order id,order number,number,номер заказа,заказ,тапсырыс", refers="order", required=True),
        *_LINE,
    ),
    external=False,
)  # fmt: skip
