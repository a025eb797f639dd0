"""Keeps Flask-AppBuilder's tables of roles and permissions in step with the schema, in a few statements."""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.language.definitions import Schema


def synchronise(connection: Connection, schema: Schema) -> None:
    """Make roles, permissions and their pairs those of ``schema``; run when a schema is applied."""
    pairs = [
        (role.name, f"can_{right}", name)
        for role in schema.roles.values()
        for name, rights in role.may.items()
        for right in rights.rights
    ]
    roles, rights, views = (
        list(schema.roles),
        sorted({pair[1] for pair in pairs}),
        sorted({pair[2] for pair in pairs}),
    )
    _names(connection, "ab_role", roles)
    _names(connection, "ab_permission", rights)
    _names(connection, "ab_view_menu", views)
    columns = {
        "roles": [p[0] for p in pairs],
        "rights": [p[1] for p in pairs],
        "views": [p[2] for p in pairs],
    }
    connection.execute(text("DELETE FROM ab_permission_view_role"))
    connection.execute(
        text(
            "INSERT INTO ab_permission_view (id, permission_id, view_menu_id)"
            " SELECT nextval('ab_permission_view_id_seq'), p.id, v.id FROM"
            " (SELECT DISTINCT * FROM unnest(CAST(:rights AS text[]), CAST(:views AS text[])))"
            " AS wanted(right_name, view_name)"
            " JOIN ab_permission p ON p.name = wanted.right_name JOIN ab_view_menu v ON v.name = wanted.view_name"
            " WHERE NOT EXISTS (SELECT 1 FROM ab_permission_view x"
            " WHERE x.permission_id = p.id AND x.view_menu_id = v.id)"
        ),
        columns,
    )
    connection.execute(
        text(
            "INSERT INTO ab_permission_view_role (id, permission_view_id, role_id)"
            " SELECT nextval('ab_permission_view_role_id_seq'), x.id, r.id FROM"
            " unnest(CAST(:roles AS text[]), CAST(:rights AS text[]), CAST(:views AS text[]))"
            " AS wanted(role_name, right_name, view_name)"
            " JOIN ab_role r ON r.name = wanted.role_name JOIN ab_permission p ON p.name = wanted.right_name"
            " JOIN ab_view_menu v ON v.name = wanted.view_name"
            " JOIN ab_permission_view x ON x.permission_id = p.id AND x.view_menu_id = v.id"
        ),
        columns,
    )


# Private


def _names(connection: Connection, table: str, names: list[str]) -> None:
    connection.execute(
        text(
            f"INSERT INTO {table} (id, name) SELECT nextval('{table}_id_seq'), wanted.name"  # noqa: S608  # our own names
            f" FROM unnest(CAST(:names AS text[])) AS wanted(name)"
            f" WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE t.name = wanted.name)"
        ),
        {"names": names},
    )
