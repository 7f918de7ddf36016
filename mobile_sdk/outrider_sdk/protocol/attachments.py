"""What the content of an attachment may be, and how it travels: limits of both sides (docs/sync-protocol.md §11)."""

CONTENT_BYTES_MAX = 100 * 1024 * 1024
PART_BYTES_MAX = 8 * 1024 * 1024
"""Of one part of an upload. A client on a bad line sends smaller ones."""
MEDIA_TYPES = frozenset(
    {
        "application/msword",
        "application/pdf",
        "application/vnd.ms-excel",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/zip",
        "audio/aac",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "image/gif",
        "image/heic",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/csv",
        "text/plain",
        "video/mp4",
        "video/quicktime",
        "video/webm",
    }
)
"""None of them runs anything where it is opened in a browser."""
