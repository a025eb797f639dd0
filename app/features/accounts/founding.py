"""The first account of an empty portal: whoever starts it shapes it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from app.language.definitions import Schema
from app.records.accounts import NewAccount, create_account, new_password

FIRST = "admin"


def found(connection: Connection, schema: Schema, now: datetime) -> NewAccount | None:
    """Make an account that holds every administering role, when there is no account at all."""
    if connection.scalar(text("SELECT 1 FROM ab_user LIMIT 1")) is not None:
        return None
    new = NewAccount(FIRST, new_password())
    account_id = create_account(connection, new, now=now, by="portal prepare")
    for role in schema.roles.values():
        if role.administers and "role_assignment" in schema.entities:
            connection.execute(
                text(
                    "INSERT INTO role_assignment (account_id, role, valid_from) VALUES (:account, :role, :day)"
                ),
                {"account": account_id, "role": role.name, "day": now.date()},
            )
    return new
