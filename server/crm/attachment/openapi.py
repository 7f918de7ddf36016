"""The OpenAPI description of the routes of content: bytes in, bytes out."""

from dataclasses import dataclass
from typing import Any, Final

from litestar.openapi.spec import (
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from outrider_sdk.protocol.attachments import CONTENT_BYTES_MAX, MEDIA_TYPES

from server.crm.attachment.messages import UploadView
from server.crm.openapi import describe_model, problem_response

describe_model(UploadView)
PART_MEDIA_TYPE: Final = "application/octet-stream"
"""Of a part of an upload, whatever the attachment is."""
_ALWAYS: Final = (400, 401, 403, 404, 429, 500, 503)
_BYTES: Final = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
_TEXT: Final = Schema(type=OpenAPIType.STRING)
_HEADERS_OUT: Final = {
    "ETag": "The content's SHA-256.",
    "Accept-Ranges": "`bytes`.",
    "Content-Disposition": "Its name; a browser saves it, and shows nothing of it in place.",
}
_HEADERS_IN: Final = {
    "Range": "One range of bytes, such as `bytes=1048576-`. More than one is answered with all.",
    "If-Range": "The ETag of what you have the first part of: where it is another by now, all is sent.",
    "If-None-Match": "The ETag of what you have.",
}


def describe_upload(operation_id: str, *, takes_part: bool) -> dict[str, Any]:
    """Keyword arguments of a route that answers how far an upload is; it may take a part."""
    problems = (*_ALWAYS, 402, 409, 413, 415, 507) if takes_part else _ALWAYS
    offset = Parameter(
        name="Upload-Offset",
        param_in="header",
        required=True,
        schema=Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=CONTENT_BYTES_MAX),
        description="Where the part begins: the `offset_bytes` that the server named last.",
    )

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            own = [p for p in self.parameters or [] if isinstance(p, Parameter) and p.param_in == "path"]
            self.parameters = [*own, *([offset] if takes_part else [])]
            media = OpenAPIMediaType(schema=Reference(f"#/components/schemas/{UploadView.__name__}"))
            self.responses = {"200": OpenAPIResponse(description="How far it is.", content={"application/json": media})}
            self.responses |= {str(status): problem_response(status) for status in problems}
            if takes_part:
                self.request_body = RequestBody({PART_MEDIA_TYPE: _BYTES}, required=True)

    return {"operation_id": operation_id, "operation_class": Described}


def describe_download(operation_id: str, media_types: frozenset[str] = MEDIA_TYPES) -> dict[str, Any]:
    """Keyword arguments of a route that answers with bytes, whole or a range of them."""

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            own = [p for p in self.parameters or [] if isinstance(p, Parameter) and p.param_in == "path"]
            own += [Parameter(name=n, param_in="header", schema=_TEXT, description=d) for n, d in _HEADERS_IN.items()]
            self.parameters = list(own)
            headers: Any = {n: OpenAPIHeader(description=d, schema=_TEXT) for n, d in _HEADERS_OUT.items()}
            content = dict.fromkeys(sorted(media_types), _BYTES)
            self.responses = {
                "200": OpenAPIResponse(description="All of it.", headers=headers, content=content),
                "206": OpenAPIResponse(description="The range.", headers=headers, content=content),
                "304": OpenAPIResponse(description="You have it already.", headers=headers),
            }
            self.responses |= {str(status): problem_response(status) for status in (*_ALWAYS, 409, 416)}

    return {"operation_id": operation_id, "operation_class": Described}
