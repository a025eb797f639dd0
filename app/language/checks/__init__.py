"""Rules over the whole schema, by theme; each notes its faults and goes on."""
