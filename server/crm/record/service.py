"""Comments and attachments: on any record that the viewer sees."""

from server.crm import service
from server.crm.checks import refuse
from server.crm.record.rules import check_attachment, check_record
from server.crm.resource import Write


async def check_comment(write: Write) -> None:
    """A comment belongs to a record in sight.

    Raises:
        InvalidInput: there is none.
    """
    check_record(write.values)
    await _require_record(write)


async def check_new_attachment(write: Write) -> None:
    """An attachment belongs to a record in sight, and says what its content is.

    Raises:
        InvalidInput: naming the field.
    """
    check_attachment(write.values)
    await _require_record(write)


async def _require_record(write: Write) -> None:
    entity, row_id = write.values["entity"], write.values["row_id"]
    if not await service.is_visible(entity, row_id, write.viewer):
        raise refuse("row_id", f"There is no such {entity.replace('_', ' ')}.")
