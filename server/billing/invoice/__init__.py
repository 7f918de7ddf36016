"""Invoices, whoever wrote them: listed, fetched, and mailed once to those who pay and keep the books."""
