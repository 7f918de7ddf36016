"""Forks workers that are to be killed: the imports are paid once, so that a hundred kills take seconds.

Reads lines `path url` (url `-`: no network), and forks a worker; that says `pid N`, `ready`, and
`ack N TOKEN` for each transaction that the SDK returned from; when it is gone, `dead`.
"""

# ruff: noqa: S311  (chance, not cryptography)

import os
import random
import sys
import traceback
from pathlib import Path

import urllib3  # noqa: F401 - loaded once, before the process forks
from outrider_sdk import MemoryCredentials, Replica

sys.path.insert(0, str(Path(__file__).parent))

from sdk_fakes import credentials


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def work(path, url):
    crm = Replica.open(path, credentials=MemoryCredentials(credentials(url)))
    account, outlet = crm.accounts.list()[0].id, crm.outlets.list()[0].id
    tea, contact = crm.products.list(where={"sku": "TEA"})[0].id, crm.contacts.list(limit=1)[0].id
    say("ready")
    while True:
        token = f"t{random.getrandbits(60)}"
        with crm.transaction() as transaction:
            crm.contacts.edit(contact, name=token)
            if random.random() < 0.5:
                crm.contacts.create(account_id=account, name="made", description=token)
            if random.random() < 0.2:
                order = crm.orders.create(outlet_id=outlet, note=token)
                for quantity in (1, 2, 3):
                    crm.order_lines.create(order_id=order.id, product_id=tea, quantity=quantity)
                crm.orders.submit(order.id)
        say("ack", transaction.number, token)
        if url != "-" and random.random() < 0.5:
            crm.sync()


def main():
    for line in sys.stdin:
        path, url = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                say("pid", os.getpid())
                random.seed(os.urandom(8))
                work(path, url)
            except BaseException:
                say("error", traceback.format_exc().replace("\n", " | "))
            finally:
                os._exit(1)
        os.waitpid(pid, 0)
        say("dead")


main()
