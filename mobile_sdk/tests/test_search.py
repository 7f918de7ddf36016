"""Searching what people type, in the languages they type it in."""

import pytest
from outrider_sdk import InvalidValue, reveal
from outrider_sdk.search import index
from outrider_sdk.search.words import fold, words


@pytest.fixture(params=["fts5", "plain"])
def engine(request, monkeypatch):
    """SQLite with full text, and without."""
    if request.param == "plain":
        monkeypatch.setattr(index, "has_full_text", lambda conn: False)
    return request.param


@pytest.fixture
def town(server, shop):
    """Names in Russian, Kazakh and English; a phone and a barcode."""
    put = server.put
    ids = dict(shop)
    made = {"roles": "[]", "tags": "[]"}
    ids["ёлка"] = put("account", name="ООО «Ёлка»", legal_name="Зелёный двор", tax_id="KZ-770 1", **made)
    ids["қант"] = put("account", name="Қант үйі Әсем", **made | {"tags": '["жаңа"]'})
    ids["zoe"] = put("contact", account_id=ids["account"], name="Zoë Müller-Lüdenscheidt", job_title="Buyer")
    put("contact_channel", contact_id=ids["zoe"], channel_kind="phone", value="+77012345678")
    put("contact_channel", contact_id=ids["zoe"], channel_kind="email", value="zoe@tea.kz")
    names = '{"kk": "Қара шай", "en": "Black tea"}'
    ids["чай"] = put("product", sku="AB-12/7", name="Чай чёрный", names=names, base_unit="pc", active=True)
    put("product_unit", product_id=ids["чай"], unit="pc", factor="1", barcode="4870204391234", multiple="1")
    address = '{"city": "Алматы", "street": "Абай 10"}'
    ids["corner"] = put("outlet", account_id=ids["account"], name="Corner", tags="[]", address=address)
    return ids


@pytest.fixture
def found(crm, town, engine):
    crm.sync()
    names = {row_id: name for name, row_id in town.items()}
    return lambda text, **options: [names[hit.row.id] for hit in crm.search(text, **options)]


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("ёлка", ["ёлка"]),
        ("ЕЛКА", ["ёлка"]),
        ("ёл", ["ёлка"]),
        ("зеленый дв", ["ёлка"]),
        ("жана", ["қант"]),
        ("қант", ["қант"]),
        ("кант асем", ["қант"]),
        ("үйі", ["қант"]),
        ("zoe mul", ["zoe"]),
        ("ZOË", ["zoe"]),
        ("lüdensch", ["zoe"]),
        ("buyer wil", []),
        ("zoe@tea.kz", ["zoe"]),
        ("алматы абай", ["corner"]),
        ("black te", ["чай"]),
        ("кара шай", ["чай"]),
        ("черный", ["чай"]),
        ("", []),
        ("%", []),
        ('"', []),
        ("nobody", []),
    ],
)
def test_words_are_found_as_people_type_them(found, typed, what):
    """Nobody switches the keyboard for an ё or a қ in front of a shelf."""
    assert found(typed) == what


@pytest.mark.parametrize("typed", ["4870204391234", "AB-12/7", "ab127", "ab 12 7", "ab-12"])
def test_a_barcode_or_sku_is_found_however_it_is_written(found, typed):
    """A scanner types the whole of it; people type it as it is printed, or without the signs."""
    assert found(typed, entities=("product",)) == ["чай"]


@pytest.mark.parametrize("typed", ["+7 701 234 56 78", "8 (701) 234-56-78", "2345678", "5678", "234-56", "77012345678"])
def test_a_phone_is_found_by_its_digits(found, typed):
    """The number on the display begins with 8, or is the last four digits on a note."""
    assert found(typed) == ["zoe"]


def test_a_whole_code_comes_before_words_that_begin_so(crm, server, found, town):
    """A scanned barcode must not lose against a name with the same digits."""
    server.put("product", sku="X", name="4870204391234 of old", names="{}", base_unit="pc", active=True)
    server.put("product", sku="4870204391234", name="Zz", names="{}", base_unit="pc", active=True)
    crm.sync()

    hits = crm.search("4870204391234")

    assert [hit.exact for hit in hits] == [True, True, False]
    assert hits[0].row.name == "Zz"


def test_pending_changes_are_found_and_what_they_replaced_is_not(crm, town, engine):
    """What a rep typed a minute ago is what they look for."""
    crm.sync()
    crm.search("x")

    made = crm.accounts.create(name="Новая Точка")
    crm.accounts.edit(town["ёлка"], name="Сосна")
    crm.contact_channels.create(contact_id=town["contact"], channel_kind="phone", value="+491701112233")
    crm.contacts.delete(town["zoe"])

    assert [hit.row.id for hit in crm.search("новая")] == [made.id]
    assert [hit.row.id for hit in crm.search("сосн")] == [town["ёлка"]]
    assert [hit.row.id for hit in crm.search("1112233")] == [town["contact"]]
    assert crm.search("ёлка") == crm.search("zoe") == []


def test_a_search_inside_a_transaction_sees_its_changes_and_forgets_them_with_it(crm, town, engine):
    """It is of the same moment as every other reading."""
    crm.sync()
    crm.search("x")

    def undone():
        with crm.transaction():
            crm.accounts.create(name="Momentary")
            assert len(crm.search("momentary")) == 1
            raise LookupError

    with pytest.raises(LookupError):
        undone()

    assert crm.search("momentary") == []


def test_what_a_pull_brings_changes_and_drops_is_in_the_next_search(crm, server, town, engine):
    """The index is in step with what is shown."""
    crm.sync()
    crm.search("x")

    server.put("account", id=town["қант"], name="Шекер")
    server.remove("account", town["ёлка"])
    crm.sync()

    assert [hit.row.id for hit in crm.search("шекер")] == [town["қант"]]
    assert crm.search("ёлка") == crm.search("қант") == []


def test_a_table_that_a_pull_replaces_is_indexed_anew(open_replica, town, engine, monkeypatch):
    """A first pull lets the staged table become the visible one, without its triggers."""
    monkeypatch.setattr(reveal, "ADOPT_FROM_ROWS", 2)
    crm = open_replica("late.db")
    assert crm.search("wilma") == []

    crm.sync()

    assert {hit.row.name for hit in crm.search("wilma")} == {"Wilma", "Wilma's"}
    assert [hit.row.name for hit in crm.search("кант")] == ["Қант үйі Әсем"]


def test_an_index_that_broke_off_is_gone_on_with(crm, town, engine, monkeypatch):
    """Somebody closes the app while it is made."""
    monkeypatch.setattr(index, "CHUNK_ROWS", 1)
    crm.sync()

    class Killed(Exception):
        pass

    def kill(done):
        if done == 3:
            raise Killed

    with pytest.raises(Killed):
        crm.prepare_search(kill)
    crm.accounts.edit(town["account"], name="Betty")

    assert [hit.row.id for hit in crm.search("betty")] == [town["account"]]
    assert crm.search("wilma", entities=("account",)) == []
    assert [hit.row.id for hit in crm.search("zoe")] == [town["zoe"]]


def test_a_reader_beside_the_writer_finds_what_the_writer_has_not_indexed(open_replica, crm, town, engine):
    """It cannot write an index, and must not miss a row for that."""
    crm.sync()
    reader = open_replica(read_only=True)
    assert [hit.row.id for hit in reader.search("zoe")] == [town["zoe"]]

    crm.search("x")
    crm.accounts.edit(town["account"], name="Betty")

    assert [hit.row.id for hit in reader.search("betty")] == [town["account"]]
    assert [hit.row.name for hit in reader.search("wilma")] == ["Wilma's"]


def test_a_table_searches_its_own_rows_with_conditions(crm, town, engine):
    """A catalogue shows what can be ordered."""
    crm.sync()

    assert [product.name for product in crm.products.search("чай", {"active": True})] == ["Чай чёрный"]
    assert crm.products.search("чай", {"active": False}) == []
    with pytest.raises(InvalidValue, match="account, outlet, contact, product"):
        crm.orders.search("x")


def test_s6_no_index_speaks_of_what_the_device_lost(crm, server, town, engine):
    """Whoever takes the file would read there what the member may no longer see."""
    crm.sync()
    crm.search("x")
    path = crm._store.path

    server.remove("contact", town["zoe"])
    crm.sync()

    bytes_left = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    for word in ("Lüdenscheidt", fold("lüdenscheidt")):
        assert word.encode() not in bytes_left


def test_a_file_with_full_text_is_used_by_a_program_that_has_none(crm, open_replica, town, monkeypatch):
    """An update of the app may bring another SQLite; work goes on."""
    crm.sync()
    crm.search("x")
    crm.close()
    monkeypatch.setattr(index, "has_full_text", lambda conn: False)

    again = open_replica()
    again.accounts.edit(town["account"], name="Betty")

    assert [hit.row.id for hit in again.search("betty")] == [town["account"]]


def test_a_hidden_reference_stops_no_pull(crm, server, town, engine):
    """A role may hide the field by which a channel belongs to a contact."""
    crm.sync()
    crm.search("x")

    server.put("contact_channel", channel_kind="phone", value="9999999")
    crm.sync()

    assert crm.search("9999999") == []


def test_words_are_split_and_folded():
    """The same for what is written and what is looked for."""
    assert words("ООО «Ёлка»-Сервис_1") == ["ооо", "елка", "сервис", "1"]
    assert fold("Йод ЁЖ Straße İstanbul Қазақ") == "йод еж strasse istanbul казак"
