"""Encryption at rest: whoever has the file, and not the key, has nothing."""

import sys
from contextlib import suppress

import pytest
from outrider_sdk import EncryptionUnavailable, ForeignFile, InvalidValue, NotEnrolled, Replica, ReplicaBroken, WrongKey
from outrider_sdk.encrypted_credentials import EncryptedCredentials
from sdk_contents import KEY, needs_sqlcipher
from sdk_fakes import credentials


@pytest.fixture
def locked(open_replica, server):
    """An encrypted replica with a customer on it, and a change that waits."""
    server.put("account", name="Wilma Flintstone", roles="[]", tags="[]")
    crm = open_replica("locked.db", key=KEY)
    crm.sync()
    crm.accounts.create(name="Barney Rubble")
    crm.search("wilma")
    return crm


@needs_sqlcipher
def test_no_byte_of_the_file_says_what_is_in_it(locked):
    """A lost phone is not a lost customer list."""
    path = locked._store.path
    assert [row.name for row in locked.accounts.where().order_by("name")] == ["Barney Rubble", "Wilma Flintstone"]

    left = b"".join(file.read_bytes() for file in path.parent.glob("locked.db*") if file.suffix != ".json")

    assert len(left) > 100_000
    for text in (b"Wilma", b"wilma", b"Barney", b"SQLite format", b"CREATE TABLE"):
        assert text not in left


@needs_sqlcipher
def test_an_encrypted_replica_works_like_any_other(locked, open_replica, server):
    """Nobody writes a second application for it."""
    locked.close()
    again = open_replica("locked.db", key=KEY)

    report = again.sync()

    assert (report.applied, again.status().pending) == (1, 0)
    assert [hit.row.name for hit in again.search("barn")] == ["Barney Rubble"]
    assert again.verify() == []
    reader = open_replica("locked.db", key=KEY, read_only=True)
    assert reader.accounts.where().count() == 2


@needs_sqlcipher
def test_a_wrong_key_or_none_touches_nothing(locked, open_replica):
    """An app that has lost its key must not overwrite what another copy of the key can still open."""
    path = locked._store.path
    locked.close()
    before = path.read_bytes()

    with pytest.raises(WrongKey, match="can't be read with this key"):
        open_replica("locked.db", key=bytes(32))
    with pytest.raises(ForeignFile, match="needs a key"):
        open_replica("locked.db")

    assert path.read_bytes() == before


@needs_sqlcipher
def test_a_page_that_was_damaged_is_named_also_where_it_is_met_while_rows_are_read(open_replica, server, monkeypatch):
    """A large file is not checked whole when it is opened; an application knows our errors, and no other library's."""
    for number in range(500):
        server.put("account", name=f"Customer {number} {'x' * 60}", roles="[]", tags="[]")
    crm = open_replica("locked.db", key=KEY)
    crm.sync()
    path = crm._store.path
    crm.close()
    whole = path.read_bytes()
    monkeypatch.setattr("outrider_sdk.store.CHECKED_SIZE_MAX_BYTES", 0)

    told = []
    for page in range(len(whole) // 4_096 - 20, len(whole) // 4_096):
        spoilt = bytearray(whole)
        spoilt[page * 4_096 + 100] ^= 255
        path.write_bytes(spoilt)
        with suppress(ReplicaBroken):  # what opening reads is not what this is about
            damaged = open_replica("locked.db", key=KEY)
            try:
                damaged.query("SELECT * FROM account")
            except ReplicaBroken as error:
                told.append(str(error))
            damaged.close()

    assert told
    assert all("Keep a copy" in words for words in told)


@needs_sqlcipher
def test_a_replica_without_encryption_is_not_taken_for_one_with(crm, open_replica):
    """It would go on in the open, while its user believes otherwise."""
    crm.close()

    with pytest.raises(WrongKey, match="is not encrypted"):
        open_replica(key=KEY)


@pytest.mark.parametrize("key", [b"", bytes(16), "text", bytes(33)])
def test_a_key_is_32_bytes(open_replica, key):
    """A password is none: it can be guessed from a copied file."""
    with pytest.raises(InvalidValue, match="32 random bytes"):
        open_replica(key=key)


def test_without_sqlcipher_a_key_is_refused_and_nothing_is_written(open_replica, tmp_path, monkeypatch):
    """What was to be encrypted must never lie there in the open."""
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)

    with pytest.raises(EncryptionUnavailable, match=r"outrider-sdk\[encryption\]"):
        open_replica("new.db", key=KEY)

    assert not list(tmp_path.glob("new.db*"))


@needs_sqlcipher
def test_credentials_lie_under_the_key_too(tmp_path, http, clock):
    """A token in the open beside an encrypted replica would fetch all of it again."""
    path = tmp_path / "locked.db"
    with Replica.open(path, key=KEY, clock=clock) as crm:
        crm.enrol(server=http.url, tenant="acme", code="GOOD")
        crm.sync()
        held = crm._credentials.load()

    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with Replica.open(path, key=KEY, clock=clock) as again:
        again.sync()

        assert again._credentials.load().device_id == held.device_id
    assert "locked.db.credentials" in left
    for name, content in left.items():
        for secret in (held.secret, held.refresh_token, held.device_id, "acme"):
            assert secret.encode() not in content, name


@needs_sqlcipher
def test_credentials_of_another_key_are_none(tmp_path):
    """They are not written over, either: whoever has the right key goes on."""
    store = EncryptedCredentials.beside(tmp_path / "crm.db", KEY)
    store.save(credentials())
    other = EncryptedCredentials.beside(tmp_path / "crm.db", bytes(32))

    with pytest.raises(NotEnrolled, match="of this key"):
        other.load()

    assert store.load() == credentials()
    store.delete()
    assert (store.load(), list(tmp_path.iterdir())) == (None, [])


@needs_sqlcipher
def test_a_wipe_takes_the_credentials_along(tmp_path, http, clock):
    """The last thing that could be used against its owner."""
    path = tmp_path / "locked.db"
    crm = Replica.open(path, key=KEY, clock=clock)
    crm.enrol(server=http.url, tenant="acme", code="GOOD")

    crm.wipe(now=True)

    assert [file.name for file in tmp_path.iterdir() if "credentials" in file.name] == []
