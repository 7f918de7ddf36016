"""The content of attachments: uploaded in parts, kept as a file, downloaded by range. The rows: `server.crm.record`."""
