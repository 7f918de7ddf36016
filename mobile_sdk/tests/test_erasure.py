"""A person who was erased is forgotten by the device as well: rows, outbox, and the bytes of the file."""

import json

import pytest
from outrider_sdk import Offline


def files_with(tmp_path, text):
    return [file.name for file in tmp_path.iterdir() if text.encode() in file.read_bytes()]


@pytest.fixture
def erase(server):
    """Erases rows at the server; pulls from now on say so."""
    plain = server.pull

    def erase_rows(*row_ids):
        for key in [key for key in server.rows if key[1] in row_ids]:
            server.remove(*key)
        server.pull = lambda request: plain(request) | {"erased": list(row_ids)}

    return erase_rows


def test_what_was_sent_of_an_erased_person_is_forgotten_and_the_rest_is_kept(crm, shop, server, erase, tmp_path):
    """The outbox keeps its history, to hand it in again; of her it keeps that there was something."""
    with crm.transaction():
        crm.contacts.edit(shop["contact"], name="Zaphira", job_title="Head of Haberdashery")
        crm.accounts.edit(shop["account"], legal_name="Wilma GmbH")
    channel = crm.contact_channels.create(contact_id=shop["contact"], channel_kind="phone", value="+31612345678")
    crm.sync()
    assert files_with(tmp_path, "Haberdashery")

    erase(shop["contact"], channel["id"])
    crm.sync()

    assert not any(files_with(tmp_path, text) for text in ("Zaphira", "Haberdashery", "+31612345678"))
    assert files_with(tmp_path, "Wilma GmbH")
    assert crm.verify() == []
    kept = [json.loads(row["changes"]) for row in crm.query("SELECT changes FROM sync_outbox ORDER BY number")]
    assert [change.get("erased", False) for changes in kept for change in changes] == [True, False, True]


def test_a_refusal_that_quotes_an_erased_person_is_forgotten(crm, shop, server, erase, tmp_path):
    """Why something was refused may be told with what stood in her row."""
    crm.contacts.edit(shop["contact"], job_title="Cook")
    real = server.push

    def refuse(request):
        reply = real(request)
        told = {"code": "conflict_stale", "explanation": "It is “Head of Haberdashery” by now.", "choices": []}
        return reply | {"outcomes": [o | {"status": "refused"} | told for o in reply["outcomes"]]}

    server.push = refuse
    crm.sync()
    assert files_with(tmp_path, "Haberdashery")

    erase(shop["contact"])
    crm.sync()

    assert not files_with(tmp_path, "Haberdashery")
    (item,) = crm.attention()
    assert "erased" in item.explanation


def test_an_outcome_that_names_erased_rows_takes_the_payload_along(crm, shop, server, transport, tmp_path):
    """What was captured before the news came had to travel; it is refused, and then forgotten."""
    crm.contacts.edit(shop["contact"], name="Zaphira")
    real = server.push

    def refuse(request):
        reply = real(request)
        told = {"code": "erased", "explanation": "Erased.", "choices": [], "erased": [shop["contact"]]}
        return reply | {"outcomes": [o | {"status": "refused"} | told for o in reply["outcomes"]]}

    server.push = refuse

    report = crm.sync()

    assert report.refused == 1
    assert [item.code for item in report.needs_attention] == ["erased"]
    assert "Zaphira" not in str(crm.query("SELECT * FROM sync_outbox"))


def test_a_sync_that_breaks_off_forgets_at_the_next(crm, shop, server, transport, erase, tmp_path):
    """The list comes with the cursor: until that has moved, it comes again."""
    crm.contacts.edit(shop["contact"], name="Zaphira")
    crm.sync()
    erase(shop["contact"])
    transport.faults.append("after")
    with pytest.raises(Offline):
        crm.sync()

    crm.sync()

    assert not files_with(tmp_path, "Zaphira")
