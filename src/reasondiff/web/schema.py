"""A database that an older release has made, brought to the tables of this one without losing a row.

A column that is new is added, one that was renamed is renamed; so a release may only add columns that may be empty or
have a ``server_default``, and says of one with another name what it was called: ``info={"formerly": NAME}``.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn

from reasondiff.errors import InputError

__all__ = ["bring_up_to_date"]

SCHEMA = 2
"""Of all tables; raised by a change that older releases cannot work with."""

about = sa.Table("about", sa.MetaData(), sa.Column("schema", sa.Integer, primary_key=True))


def bring_up_to_date(connection: sa.Connection, tables: sa.MetaData) -> None:
    """Make what is missing: tables, columns, indexes.

    Args:
        connection: that writes; all of it happens or nothing.
        tables: of this release.

    Raises:
        InputError: a newer release has made it, or a column is missing that cannot be made for the rows that are there.
    """
    _check_release(connection)
    before = set(sa.inspect(connection).get_table_names())
    tables.create_all(connection)
    for table in tables.sorted_tables:
        if table.name in before:
            _add_columns(connection, table)
            _add_indexes(connection, table)


def _check_release(connection: sa.Connection) -> None:
    about.create(connection, checkfirst=True)
    found = connection.execute(sa.select(about.c.schema)).scalar()
    if found is None:
        connection.execute(about.insert().values(schema=SCHEMA))
    elif found < SCHEMA:
        connection.execute(about.update().values(schema=SCHEMA))
    elif found > SCHEMA:
        raise InputError(
            f"A newer release has made this database (of schema {found}, this one reads {SCHEMA}); "
            "update reasondiff, or give another one."
        )


def _add_columns(connection: sa.Connection, table: sa.Table) -> None:
    there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    quote = connection.dialect.identifier_preparer.quote
    for column in table.columns:
        former = column.info.get("formerly")
        if column.name in there:
            continue
        if former in there:
            change = f"RENAME COLUMN {quote(former)} TO {quote(column.name)}"
        elif column.nullable or column.server_default is not None:
            change = f"ADD COLUMN {CreateColumn(column).compile(dialect=connection.dialect)}"
        else:
            raise InputError(
                f"The database's table {table.name!r} has no column {column.name!r}, which this release cannot add; "
                "keep that database for the release that made it, and give another one."
            )
        connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} {change}")


def _add_indexes(connection: sa.Connection, table: sa.Table) -> None:
    there = {index["name"] for index in sa.inspect(connection).get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in there:
            index.create(connection)
