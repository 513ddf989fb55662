"""SQLAlchemy's Core, ORM and reflection, over each of its drivers. Prints what it was told."""

import datetime
import decimal
import os
import sys

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)
    born: orm.Mapped[datetime.date | None]
    tags: orm.Mapped[list[str]] = orm.mapped_column(postgresql.ARRAY(sa.Text), default=list)
    notes: orm.Mapped[dict | None] = orm.mapped_column(postgresql.JSONB)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    __table_args__ = (sa.CheckConstraint("price >= 0", name="not_negative"), {"comment": "what authors wrote"})
    id: orm.Mapped[int] = orm.mapped_column(sa.Identity(), primary_key=True)
    title: orm.Mapped[str] = orm.mapped_column(index=True)
    price: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(8, 2))
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id", ondelete="CASCADE"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


place = {
    "host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]), "username": os.environ["PGUSER"],
    "database": os.environ["PGDATABASE"], "password": os.environ.get("PGPASSWORD"),
}


def work(driver):
    engine = sa.create_engine(sa.URL.create(f"postgresql+{driver}", **place))
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # once more: it looks first

    with orm.Session(engine) as session:
        session.add_all(
            Author(name=f"author {n}", born=datetime.date(1900 + n, 1, 1), tags=["a", "b"], notes={"n": n},
                   books=[Book(title=f"book {n}.{m}", price=decimal.Decimal(m)) for m in range(5)])
            for n in range(20))
        session.commit()
        author = session.scalars(sa.select(Author).where(Author.name == "author 3")).one()
        print("author", author.born, author.tags, author.notes, [book.title for book in author.books])
        author.books.pop()
        author.notes = None
        session.flush()
        nested = session.begin_nested()
        session.add(Author(name="author 4"))
        try:
            session.flush()
        except sa.exc.IntegrityError as error:
            print("twice", type(error).__name__)
            nested.rollback()
        session.commit()
        print("kept", session.scalar(sa.select(sa.func.count()).select_from(Book)))
        eager = session.scalars(sa.select(Author).options(orm.selectinload(Author.books)).order_by(Author.id).limit(3))
        print("eager", [(author.name, len(author.books)) for author in eager])
        print("bulk", session.execute(sa.update(Book).where(Book.price > 3).values(price=Book.price * 2)).rowcount)
        session.execute(postgresql.insert(Author).values(id=1, name="x").on_conflict_do_nothing())
        session.rollback()
        locked = session.scalars(sa.select(Book).order_by(Book.id).limit(2).with_for_update(skip_locked=True)).all()
        print("locked", [book.title for book in locked])
        session.rollback()

    with engine.connect() as connection:
        rows = connection.execute(sa.text("select id, name from customers where id < :top order by id"), {"top": 4})
        print("core", rows.all())
        print("isolation", connection.get_isolation_level(), engine.dialect.default_schema_name)
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        print("isolation", connection.scalar(sa.text("show transaction_isolation")))
    with engine.connect().execution_options(stream_results=True, max_row_buffer=50) as connection:
        print("streamed", sum(row.id for row in connection.execute(sa.text("select id from orders"))))
    with engine.connect() as connection:
        for attempt in range(2):
            try:
                connection.execute(sa.text("select salary from payroll"))
            except sa.exc.DBAPIError as error:
                print("denied", "denied by policy: nobody reads payroll" in str(error.orig))
                connection.rollback()
        print("goes on", connection.scalar(sa.text("select 8")))

    inspector = sa.inspect(engine)
    print("schemas", inspector.get_schema_names())
    print("tables", sorted(inspector.get_table_names()), inspector.has_table("books"), inspector.get_view_names())
    print("comment", inspector.get_table_comment("books"), inspector.get_sequence_names(), inspector.get_enums())
    for table in ("customers", "orders", "authors", "books"):
        print(table, [(column["name"], str(column["type"]), column["nullable"], column["default"])
                      for column in inspector.get_columns(table)])
        print(table, inspector.get_pk_constraint(table)["constrained_columns"], inspector.get_foreign_keys(table),
              inspector.get_indexes(table), inspector.get_unique_constraints(table),
              inspector.get_check_constraints(table))
    metadata = sa.MetaData()
    metadata.reflect(engine, only=["customers", "orders", "authors", "books"])
    print("reflected", sorted(metadata.tables))
    Base.metadata.drop_all(engine)
    engine.dispose()


for driver in sys.argv[1:]:
    print("==", driver)
    work(driver)
