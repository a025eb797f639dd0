"""Background processes: thin layers of RQ over the tasks in the database, which alone is believed."""
