"""What devices may push, sensibly: strategies for tests of `decide`."""

from hypothesis import strategies as st

from tests.property.decide_world import (
    CONTACT,
    DEPOT,
    HIDDEN,
    LINE,
    MAIL,
    ORDER,
    OUTLET,
    SHOP,
    STOCK,
    TEA,
    TERMS,
    create,
    delete,
    edit,
    mutation,
    row_id,
    submit,
)

NEW = [row_id(n) for n in range(100, 106)]
ROWS = {
    "contact": CONTACT,
    "contact_channel": MAIL,
    "outlet": OUTLET,
    "account": SHOP,
    "order": ORDER,
    "order_line": LINE,
}
new_ids = st.sampled_from(NEW)
texts = st.sampled_from(["", "Clerk", "Ольга", "🫖", "x" * 200])
bases = st.sampled_from([0, 9, 10, 11])
sensible_changes = st.one_of(
    st.builds(lambda t, b: edit("contact", CONTACT, b, job_title=t), texts, bases),
    st.builds(lambda t, b: edit("contact", CONTACT, b, name=t, description=t), texts, bases),
    st.builds(lambda b: delete("contact", CONTACT, b), bases),
    st.builds(lambda i, t: create("contact", i, account_id=SHOP, name=t), new_ids, texts),
    st.builds(
        lambda i, of, t: create("contact_channel", i, contact_id=of, channel_kind="phone", value=t),
        new_ids, new_ids, texts,
    ),
    st.builds(lambda i, t: edit("contact", i, 0, job_title=t), new_ids, texts),
    st.builds(lambda i: delete("contact", i, 0), new_ids),
    st.builds(lambda i: create("account", i, name="New shop"), new_ids),
    st.builds(lambda i, of: create("outlet", i, account_id=of, name="New outlet"), new_ids, new_ids | st.just(SHOP)),
    st.builds(
        lambda i: create("order", i, number="A-2", outlet_id=OUTLET, agreement_id=TERMS, warehouse_id=DEPOT), new_ids
    ),
    st.builds(
        lambda i, of, q, u: create(
            "order_line", i, order_id=of, product_id=TEA, unit=u, quantity=q, list_price="18.00"
        ),
        new_ids,
        new_ids | st.just(ORDER),
        st.sampled_from(["1", "20", "0.5"]),
        st.sampled_from(["box", "case", "barrel"]),
    ),
    st.builds(lambda q, b: edit("order_line", LINE, b, quantity=q), st.sampled_from(["1", "3", "40"]), bases),
    st.builds(lambda b: delete("order_line", LINE, b), bases),
    st.builds(lambda of, t: submit(of, t), new_ids | st.just(ORDER), st.sampled_from([0, 3600, 10**9])),
    st.builds(lambda of: {"op": "intent", "name": "order.cancel", "id": of, "seen": {}}, new_ids | st.just(ORDER)),
    st.just(edit("contact", HIDDEN, name="x")),
    st.just(edit("stock", STOCK, quantity="99999")),
    st.just(edit("contact", CONTACT, name=None)),
    st.just(edit("contact", CONTACT, colour="red")),
)  # fmt: skip
batches = st.lists(st.lists(sensible_changes, max_size=4), min_size=1, max_size=8).map(
    lambda all_changes: [mutation(number, *changes) for number, changes in enumerate(all_changes, 1)]
)
