"""Rows that may be the same: found on create and by a job, dismissed or merged by a person."""
