"""Whose a replica is: the device that its credentials name, written into the file once."""

from outrider_sdk.credentials import CredentialStore
from outrider_sdk.errors import ForeignCredentials
from outrider_sdk.store import Store


def identify(store: Store, credentials: CredentialStore) -> None:
    """Write into a new replica whose it is; see that an older one is the same device's.

    Raises:
        ForeignCredentials: it is of another device.
    """
    known = credentials.load()
    if known is None:
        return
    identity: dict[str, str | int] = {"device_id": known.device_id, "incarnation": known.incarnation}
    mine = {key: store.meta(key) for key in identity}
    if mine["device_id"] is None:
        with store.write():
            store.set_meta(**identity, member_id=known.member_id, number_prefix=known.number_prefix)
    elif any(mine[key] != str(value) for key, value in identity.items()):
        raise ForeignCredentials(
            f"{store.path} belongs to another enrolment ({mine['device_id']}) than its credentials "
            f"({known.device_id}). Open it with its own, or name a new file."
        )
