"""Reports: what the schema declares, worked out by the database inside the reader's scope, as page and file."""
