"""Outrider's offline SDK: a replica in SQLite, an outbox, and a sync that loses nothing.

>>> from outrider_sdk import Replica
>>> here = Replica.open("crm.db")
>>> here.status().problems
['This replica belongs to no device yet. Enrol it with a code.']
>>> here.close()
"""

from outrider_sdk.attachments import PendingUpload
from outrider_sdk.attention import AttentionItem
from outrider_sdk.background import NOW, BackgroundSync, Conditions, Decision, default_policy
from outrider_sdk.credentials import Credentials, CredentialStore, FileCredentials, MemoryCredentials
from outrider_sdk.enrolment import enrol
from outrider_sdk.errors import (
    BuiltOn,
    ClientTooOld,
    ContentDamaged,
    ContentMissing,
    DeviceRevoked,
    DeviceUnknown,
    EncryptionUnavailable,
    ForeignCredentials,
    ForeignFile,
    IllegalStatus,
    InvalidValue,
    NotDiscardable,
    NotEnrolled,
    NotFound,
    Offline,
    OutboxFull,
    OutriderError,
    ProtocolViolation,
    Rejected,
    ReplicaBroken,
    ReplicaBusy,
    ReplicaClosed,
    ReplicaError,
    ReplicaForked,
    ReplicaMissing,
    ReplicaTooLarge,
    ReplicaTooNew,
    ReplicaWiped,
    ServerUnavailable,
    StorageFailed,
    SyncError,
    WrongKey,
)
from outrider_sdk.limits import Limits
from outrider_sdk.live import Subscription
from outrider_sdk.queries import Query, above, at_least, at_most, begins_with, below, holds, other_than
from outrider_sdk.replica import Replica
from outrider_sdk.report import Progress, SyncReport
from outrider_sdk.row import Row
from outrider_sdk.search import Hit
from outrider_sdk.status import Status
from outrider_sdk.tables import Table
from outrider_sdk.transaction import Transaction
from outrider_sdk.transport import HttpTransport, Transport

__all__ = [
    "NOW",
    "AttentionItem",
    "BackgroundSync",
    "BuiltOn",
    "ClientTooOld",
    "Conditions",
    "ContentDamaged",
    "ContentMissing",
    "CredentialStore",
    "Credentials",
    "Decision",
    "DeviceRevoked",
    "DeviceUnknown",
    "EncryptionUnavailable",
    "FileCredentials",
    "ForeignCredentials",
    "ForeignFile",
    "Hit",
    "HttpTransport",
    "IllegalStatus",
    "InvalidValue",
    "Limits",
    "MemoryCredentials",
    "NotDiscardable",
    "NotEnrolled",
    "NotFound",
    "Offline",
    "OutboxFull",
    "OutriderError",
    "PendingUpload",
    "Progress",
    "ProtocolViolation",
    "Query",
    "Rejected",
    "Replica",
    "ReplicaBroken",
    "ReplicaBusy",
    "ReplicaClosed",
    "ReplicaError",
    "ReplicaForked",
    "ReplicaMissing",
    "ReplicaTooLarge",
    "ReplicaTooNew",
    "ReplicaWiped",
    "Row",
    "ServerUnavailable",
    "Status",
    "StorageFailed",
    "Subscription",
    "SyncError",
    "SyncReport",
    "Table",
    "Transaction",
    "Transport",
    "WrongKey",
    "above",
    "at_least",
    "at_most",
    "begins_with",
    "below",
    "default_policy",
    "enrol",
    "holds",
    "other_than",
]
