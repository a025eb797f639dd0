"""What ``portal doctor`` looks at."""
