"""Background work: an outbox in the database, claims with leases, schedules by slot; no queue is known here."""
