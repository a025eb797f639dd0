"""The one door to business rows: decide → scope → guard → validate → write → audit → mask."""
