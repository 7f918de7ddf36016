"""The Northwind company, a folder of CSV files that is known: what fits together is imported together.

Its customers have no rep of their own: it is that of their latest order. Who works a territory, and who manages whom,
tells the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from server.imports.files import Line, TableFile, open_csv
from server.imports.mapping import ColumnMapping
from server.imports.run import Intake

SYSTEM: Final = "northwind"
NAME: Final = "Northwind Traders"
CURRENCY: Final = "USD"
PRICE_LIST: Final = "List prices"
WAREHOUSE: Final = "Depot"
DISCOUNT_MAX: Final = "0.25"
"""The highest of its orders: so much its reps were allowed."""

COLUMNS: Final = {
    "categories.csv": ("CategoryID", "CategoryName"),
    "regions.csv": ("RegionID", "RegionDescription"),
    "territories.csv": ("TerritoryID", "TerritoryDescription", "RegionID"),
    "employees.csv": ("EmployeeID", "LastName", "FirstName", "ReportsTo"),
    "employee_territories.csv": ("EmployeeID", "TerritoryID"),
    "products.csv": ("ProductID", "ProductName", "CategoryID", "UnitPrice", "UnitsInStock", "Discontinued"),
    "customers.csv": ("CustomerID", "CompanyName"),
    "orders.csv": ("OrderID", "CustomerID", "EmployeeID", "OrderDate", "ShippedDate"),
    "order_details.csv": ("OrderID", "ProductID", "UnitPrice", "Quantity", "Discount"),
}
"""The files by which the folder is known, and the columns that each must have. Suppliers and shippers may be there."""

Row = Mapping[str, str]
_ADDRESS: Final = {
    "Address": "street", "City": "city", "Region": "region", "PostalCode": "postal_code", "Country": "country",
}  # fmt: skip
_PERSON: Final = {"ContactName": "contact_name", "ContactTitle": "contact_title", "Phone": "phone", "Fax": "fax"}


def is_northwind(folder: Path) -> bool:
    """Whether the folder holds these files with these columns."""
    if any(not (folder / name).is_file() for name in COLUMNS):
        return False
    return all(set(columns) <= set(open_csv(folder / name).header) for name, columns in COLUMNS.items())


def plan_northwind(folder: Path) -> list[Intake]:
    """Its files in the order in which they are imported, after what a seller needs first."""
    tables = {name: open_csv(folder / name) for name in COLUMNS}
    company = _Company(
        {name: [dict(zip(t.header, line.values, strict=False)) for line in t.read()] for name, t in tables.items()}
    )
    intakes = [*_set_up(), *_people(tables, company)]
    intakes.append(_intake(tables["categories.csv"], "category", CategoryID="external_id", CategoryName="name"))
    intakes.append(_products(tables["products.csv"]))
    intakes += _partners(folder, tables["customers.csv"], company)
    intakes += _orders(tables)
    return intakes


class _Company:
    """What one file says of the rows of another."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        def pairs(name: str, key: str, value: str) -> dict[str, str]:
            return {row[key].strip(): row[value].strip() for row in rows[name] if row.get(key) and row.get(value)}

        self.superiors = pairs("employees.csv", "EmployeeID", "ReportsTo")
        self.managers = set(self.superiors.values())
        self.homes: dict[str, str] = {}
        self.holders: dict[str, str] = {}
        for row in rows["employee_territories.csv"]:
            person, territory = row.get("EmployeeID", "").strip(), row.get("TerritoryID", "").strip()
            self.homes.setdefault(person, territory)
            self.holders.setdefault(territory, person)
        self.reps: dict[str, str] = {}
        latest: dict[str, str] = {}
        for row in rows["orders.csv"]:
            customer, at = row.get("CustomerID", "").strip(), row.get("OrderDate", "").strip()
            if at >= latest.get(customer, ""):
                latest[customer], self.reps[customer] = at, row.get("EmployeeID", "").strip()
        self.top = next((person for person in self.managers if person not in self.superiors), "")

    def manager_of(self, territory: str) -> str:
        """Who manages what is worked there: the holder, where they are a manager themself."""
        holder = self.holders.get(territory, "")
        return holder if holder in self.managers else self.superiors.get(holder, "")


def _set_up() -> list[Intake]:
    seller = {"id": "main", "name": NAME, "country": "US", "currency": CURRENCY}
    prices = {"id": "list", "name": PRICE_LIST, "currency": CURRENCY}
    depot = {"id": "depot", "name": WAREHOUSE, "company": "main"}
    renamed = {"id": "external_id", "company": "legal_entity"}
    return [
        Intake(
            _typed("the company itself", row), ColumnMapping(target, {name: renamed.get(name, name) for name in row})
        )
        for target, row in (("legal_entity", seller), ("price_list", prices), ("warehouse", depot))
    ]


def _typed(name: str, row: Row) -> TableFile:
    """A table of one row that no file has."""
    values = tuple(row.values())
    return TableFile(name, tuple(row), "as its orders have it", lambda: iter([Line(1, values)]), f"{name} {values}")


def _people(tables: Mapping[str, TableFile], company: _Company) -> list[Intake]:
    employees = _with(tables["employees.csv"], {
        "Role": lambda row: "manager" if row["EmployeeID"].strip() in company.managers else "rep",
    })  # fmt: skip
    regions = _with(tables["regions.csv"], {
        "Key": lambda row: f"region {row['RegionID'].strip()}",
        "Manager": lambda row: company.top,
    })  # fmt: skip
    territories = _with(tables["territories.csv"], {
        "Parent": lambda row: f"region {row['RegionID'].strip()}",
        "Manager": lambda row: company.manager_of(row["TerritoryID"].strip()),
    })  # fmt: skip
    return [
        _intake(employees, "user", EmployeeID="external_id", FirstName="first_name", LastName="last_name", Role="role"),
        _intake(regions, "territory", Key="external_id", RegionDescription="name", Manager="manager"),
        _intake(
            territories, "territory", TerritoryID="external_id", TerritoryDescription="name", Parent="parent",
            Manager="manager",
        ),
    ]  # fmt: skip


def _products(table: TableFile) -> Intake:
    table = _with(table, {"Sku": lambda row: f"P{row['ProductID'].strip().zfill(3)}"})
    mapping = _intake(
        table, "product", ProductID="external_id", Sku="sku", ProductName="name", CategoryID="category",
        QuantityPerUnit="description", UnitPrice="price", UnitsInStock="quantity", Discontinued="discontinued",
    ).mapping  # fmt: skip
    return Intake(table, replace(mapping, constants={"price_list": "list", "warehouse": "depot", "base_unit": "unit"}))


def _partners(folder: Path, customers: TableFile, company: _Company) -> Iterator[Intake]:
    customers = _with(customers, {
        "Outlet": lambda row: row["CompanyName"],
        "Rep": lambda row: company.reps.get(row["CustomerID"].strip(), ""),
        "Territory": lambda row: company.homes.get(company.reps.get(row["CustomerID"].strip(), ""), ""),
    })  # fmt: skip
    mapping = _intake(
        customers, "account", CustomerID="external_id", CompanyName="name", Outlet="outlet_name", Rep="rep",
        Territory="territory", **_ADDRESS, **_PERSON,
    ).mapping  # fmt: skip
    terms = {"price_list": "list", "legal_entity": "main", "payment_terms_days": "30", "discount_max": DISCOUNT_MAX}
    yield Intake(customers, replace(mapping, constants=terms))
    for name, key, role in (("suppliers.csv", "SupplierID", "supplier"), ("shippers.csv", "ShipperID", "partner")):
        if (folder / name).is_file():
            table = open_csv(folder / name)
            table = _with(table, {"Key": lambda row, key=key: f"{key} {row.get(key, '').strip()}"})  # type: ignore[misc]
            mapping = _intake(table, "account", Key="external_id", CompanyName="name", **_ADDRESS, **_PERSON).mapping
            yield Intake(table, replace(mapping, constants={"roles": role}))


def _orders(tables: Mapping[str, TableFile]) -> list[Intake]:
    orders = _with(tables["orders.csv"], {
        "Number": lambda row: row["OrderID"],
        "Status": lambda row: "closed" if row["ShippedDate"].strip() else "accepted",
    })  # fmt: skip
    shipped = {f"Ship{name}": f"ship_{field}" for name, field in _ADDRESS.items()}
    return [
        _intake(
            orders, "order", OrderID="external_id", Number="number", CustomerID="outlet", EmployeeID="rep",
            OrderDate="ordered_at", RequiredDate="delivery_date", Status="status", **shipped,
        ),
        _intake(
            tables["order_details.csv"], "order_line", OrderID="order", ProductID="product", UnitPrice="price",
            Quantity="quantity", Discount="discount",
        ),
    ]  # fmt: skip


def _intake(table: TableFile, target: str, **columns: str) -> Intake:
    return Intake(
        table, ColumnMapping(target, {name: wanted for name, wanted in columns.items() if name in table.header})
    )


def _with(table: TableFile, added: Mapping[str, Callable[[Row], str]]) -> TableFile:
    """The table with columns that are made of the others, and of other files."""

    def read() -> Iterator[Line]:
        for line in table.read():
            if line.problem is not None:
                yield line
                continue
            row = dict(zip(table.header, line.values, strict=True))
            yield Line(line.number, [*line.values, *(make(row) for make in added.values())])

    return replace(table, header=(*table.header, *added), read=read)
