"""The provider *transfer*: we write the invoice, the customer pays into our bank account, an operator says so."""
