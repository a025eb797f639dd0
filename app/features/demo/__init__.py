"""The demo: a tea chain with people, customers and a manager who is about to take some along.

Everything is made up, the same each time for the same day, and relative to today.
"""
