"""Reads the Northwind company from its CSV files. Pure: files in, typed rows and problems out; `load` writes them.

A row that refers to one that was not imported is not imported either, and says so.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from server.demo.company import (
    Address,
    Category,
    Company,
    Customer,
    Holding,
    PastLine,
    PastOrder,
    Person,
    Product,
    Region,
    Territory,
    keys_of,
)
from server.demo.csv_rows import CsvFile, CsvMissing, CsvProblem, CsvRow

T = TypeVar("T")

COLUMNS: Final = {
    "categories.csv": ("CategoryID", "CategoryName"),
    "regions.csv": ("RegionID", "RegionDescription"),
    "territories.csv": ("TerritoryID", "TerritoryDescription", "RegionID"),
    "employees.csv": ("EmployeeID", "LastName", "FirstName", "Title", "ReportsTo"),
    "employee_territories.csv": ("EmployeeID", "TerritoryID"),
    "products.csv": (
        "ProductID", "ProductName", "CategoryID", "QuantityPerUnit", "UnitPrice", "UnitsInStock", "Discontinued",
    ),
    "customers.csv": (
        "CustomerID", "CompanyName", "ContactName", "ContactTitle", "Address", "City", "Region", "PostalCode",
        "Country", "Phone", "Fax",
    ),
    "orders.csv": (
        "OrderID", "CustomerID", "EmployeeID", "OrderDate", "RequiredDate", "ShippedDate", "ShipAddress", "ShipCity",
        "ShipRegion", "ShipPostalCode", "ShipCountry",
    ),
    "order_details.csv": ("OrderID", "ProductID", "UnitPrice", "Quantity", "Discount"),
}  # fmt: skip
"""The files, and the columns that each must have; further files and columns are left alone."""

_SUPERIORS_MAX: Final = 50


def read_northwind(folder: Path) -> tuple[Company, list[CsvProblem]]:
    """The company, and the rows that could not be read.

    Raises:
        CsvMissing: the folder, or one of its files, is not there; all that are missing are named.
    """
    missing = [name for name in COLUMNS if not (folder / name).is_file()]
    if missing:
        raise CsvMissing(f"{folder} has no {', '.join(missing)}. Give the folder with the Northwind CSV files.")
    reader = _Reader(folder)
    reader.read_people()
    reader.read_catalogue()
    reader.read_customers()
    reader.read_orders()
    return reader.company, sorted(reader.problems, key=lambda p: (list(COLUMNS).index(p.file), p.line))


class _Reader:
    """Reads file by file, parents before those who refer to them."""

    def __init__(self, folder: Path) -> None:
        self.company = Company("Northwind Traders", "northwind")
        self.problems: list[CsvProblem] = []
        self._folder = folder

    def read_people(self) -> None:
        """Regions, territories, employees, and who works where."""
        company = self.company
        company.regions = self._read("regions.csv", _region, "RegionID")
        regions = keys_of(company.regions)
        company.territories = self._read("territories.csv", lambda row: _territory(row, regions), "TerritoryID")
        # Who reports to whom may stand in any order in the file: so first, who there is.
        found = {row.values["EmployeeID"].strip() for row in self._rows("employees.csv", [])}
        company.people = self._read("employees.csv", lambda row: _person(row, found), "EmployeeID")
        company.people = _without_rings(company.people)
        people, territories = keys_of(company.people), keys_of(company.territories)
        company.holdings = self._read(
            "employee_territories.csv", lambda row: _holding(row, people, territories), "EmployeeID", "TerritoryID"
        )

    def read_catalogue(self) -> None:
        """Categories and products."""
        company = self.company
        company.categories = self._read("categories.csv", _category, "CategoryID")
        categories = keys_of(company.categories)
        company.products = self._read("products.csv", lambda row: _product(row, categories), "ProductID")

    def read_customers(self) -> None:
        """Customers."""
        self.company.customers = self._read("customers.csv", _customer, "CustomerID")

    def read_orders(self) -> None:
        """Orders and their lines."""
        company = self.company
        customers, people, products = keys_of(company.customers), keys_of(company.people), keys_of(company.products)
        company.orders = self._read("orders.csv", lambda row: _order(row, customers, people), "OrderID")
        orders = keys_of(company.orders)
        company.lines = self._read(
            "order_details.csv", lambda row: _line(row, orders, products), "OrderID", "ProductID"
        )

    def _rows(self, name: str, problems: list[CsvProblem]) -> Iterator[CsvRow]:
        return CsvFile(self._folder / name, COLUMNS[name], problems).rows()

    def _read(self, name: str, make: Callable[[CsvRow], T], *key: str) -> list[T]:
        """What `make` makes of each row, for those in which it, and the key, met with no problem."""
        made: list[T] = []
        lines: dict[tuple[str, ...], int] = {}
        for row in self._rows(name, self.problems):
            result = make(row)
            identity = tuple(row.values[column].strip() for column in key)
            if not row.problems and identity in lines:
                row.fail(key[-1], f"“{' / '.join(identity)}” is on line {lines[identity]} already")
            if row.problems:
                self.problems += row.problems
            else:
                lines[identity] = row.line
                made.append(result)
        return made


def _region(row: CsvRow) -> Region:
    return Region(row.text("RegionID"), row.text("RegionDescription"))


def _territory(row: CsvRow, regions: set[str]) -> Territory:
    return Territory(
        row.text("TerritoryID"), row.text("TerritoryDescription"), row.reference("RegionID", regions, "region")
    )


def _person(row: CsvRow, people: set[str]) -> Person:
    return Person(
        row.text("EmployeeID"),
        row.text("FirstName", length_max=60),
        row.text("LastName", length_max=60),
        row.text("Title"),
        row.optional_reference("ReportsTo", people, "employee"),
    )


def _without_rings(people: list[Person]) -> list[Person]:
    """The people, without superiors who were not imported, or who report to themselves in the end."""
    superiors = {p.key: p.manager for p in people}
    kept = []
    for person in people:
        above, steps = person.manager, 0
        while above in superiors and above != person.key and steps < _SUPERIORS_MAX:
            above, steps = superiors[above], steps + 1
        manager = person.manager if above is None else None
        kept.append(Person(person.key, person.first_name, person.last_name, person.title, manager))
    return kept


def _holding(row: CsvRow, people: set[str], territories: set[str]) -> Holding:
    return Holding(
        row.reference("EmployeeID", people, "employee"), row.reference("TerritoryID", territories, "territory")
    )


def _category(row: CsvRow) -> Category:
    return Category(row.text("CategoryID"), row.text("CategoryName"))


def _product(row: CsvRow, categories: set[str]) -> Product:
    category = row.optional_reference("CategoryID", categories, "category")
    return Product(
        row.text("ProductID"),
        row.text("ProductName"),
        category,
        row.optional_text("QuantityPerUnit"),
        row.number("UnitPrice"),
        row.number("UnitsInStock"),
        not row.flag("Discontinued"),
    )


def _address(row: CsvRow, street: str, *others: str) -> Address:
    return Address(row.optional_text(street), *(row.optional_text(column) for column in others))


def _customer(row: CsvRow) -> Customer:
    return Customer(
        row.text("CustomerID"),
        row.text("CompanyName"),
        row.optional_text("ContactName"),
        row.optional_text("ContactTitle"),
        _address(row, "Address", "City", "Region", "PostalCode", "Country"),
        row.optional_text("Phone"),
        row.optional_text("Fax"),
    )


def _order(row: CsvRow, customers: set[str], people: set[str]) -> PastOrder:
    return PastOrder(
        row.text("OrderID", length_max=40),
        row.reference("CustomerID", customers, "customer"),
        row.reference("EmployeeID", people, "employee"),
        row.moment("OrderDate"),
        row.optional_day("RequiredDate"),
        row.optional_day("ShippedDate"),
        _address(row, "ShipAddress", "ShipCity", "ShipRegion", "ShipPostalCode", "ShipCountry"),
    )


def _line(row: CsvRow, orders: set[str], products: set[str]) -> PastLine:
    return PastLine(
        row.reference("OrderID", orders, "order"),
        row.reference("ProductID", products, "product"),
        row.number("UnitPrice"),
        row.quantity("Quantity"),
        row.fraction("Discount"),
    )
