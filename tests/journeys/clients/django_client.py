"""Django with models of its own: migrations, the ORM, introspection. Prints what it was told."""

import io
import os
import sys
import tempfile
import types
from pathlib import Path

import django
from django.conf import settings

app = tempfile.TemporaryDirectory()
(Path(app.name) / "library" / "migrations").mkdir(parents=True)
(Path(app.name) / "library" / "__init__.py").touch()
(Path(app.name) / "library" / "migrations" / "__init__.py").touch()
(Path(app.name) / "library" / "models.py").write_text("""
from django.db import models
from django.contrib.postgres.fields import ArrayField

class Author(models.Model):
    name = models.CharField(max_length=40, unique=True)
    tags = ArrayField(models.TextField(), default=list)

class Book(models.Model):
    title = models.CharField(max_length=80, db_index=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    facts = models.JSONField(null=True)
    cover = models.BinaryField(null=True)
    printed = models.DateTimeField(null=True)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(price__gte=0), name="not_negative")]
""")
sys.path.insert(0, app.name)
settings.configure(
    USE_TZ=True, TIME_ZONE="Europe/Berlin", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="x",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "library"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ.get("PGPASSWORD", ""), "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
        "CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": None,
    }},
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, IntegrityError, connection, models, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from library.models import Author, Book  # noqa: E402

call_command("makemigrations", "library", verbosity=0)
call_command("migrate", verbosity=0)
out = io.StringIO()
call_command("showmigrations", "library", "auth", stdout=out)
print(out.getvalue())

user = User.objects.create_user("ada", password="secret words")
print("user", User.objects.get(username="ada").check_password("secret words"), user.has_perm("library.add_book"))
authors = Author.objects.bulk_create(Author(name=f"author {n}", tags=["a", f"t{n}"]) for n in range(20))
Book.objects.bulk_create(
    Book(title=f"book {n}", price=n, facts={"n": n}, cover=b"\x00\xff", author=authors[n % 20],
         printed=timezone.datetime(2026, 1, 1, tzinfo=timezone.get_default_timezone())) for n in range(200))
book = Book.objects.select_related("author").get(title="book 21")
print("book", book.author.name, book.price, book.facts, bytes(book.cover), book.printed.isoformat())
print("filters", Book.objects.filter(facts__n__gt=190, author__tags__contains=["a"]).count(),
      Author.objects.filter(tags__len=2).annotate(n=models.Count("books"), most=models.Max("books__price"))
      .order_by("-most", "id").values_list("name", "n", "most")[:2])
print("dates", list(Book.objects.dates("printed", "month")), Book.objects.aggregate(models.Sum("price")))
print("changed", Book.objects.filter(price__lt=5).update(price=models.F("price") + 1),
      Book.objects.filter(title__istartswith="BOOK 1").delete()[0])
print("made", [made for _, made in (Author.objects.get_or_create(name="author 1"), Author.objects.get_or_create(name="z"))],
      Author.objects.update_or_create(name="z", defaults={"tags": ["q"]})[1])
print("iterated", sum(book.price for book in Book.objects.order_by("id").iterator(chunk_size=25)))
print("prefetched", [len(author.books.all()) for author in Author.objects.prefetch_related("books").order_by("id")[:4]])

with transaction.atomic():
    print("locked", Author.objects.select_for_update(of=("self",), nowait=True).get(name="author 1").name)
    try:
        with transaction.atomic():
            Author.objects.create(name="author 1")
    except IntegrityError as error:
        print("twice", error.__cause__.sqlstate)
    connection.check_constraints()  # SET CONSTRAINTS ALL IMMEDIATE, then DEFERRED
    Author.objects.create(name="inside")
try:
    with transaction.atomic():
        Author.objects.create(name="never")
        raise KeyError
except KeyError:
    print("rolled back", Author.objects.filter(name__in=["inside", "never"]).count())
with transaction.atomic():
    with connection.constraint_checks_disabled():
        Book.objects.filter(title="book 20").update(author_id=1)

with connection.cursor() as cursor:
    for attempt in range(2):
        try:
            cursor.execute("select salary from payroll where id = %s", [attempt])
        except DatabaseError as error:
            print("denied", error.__cause__.sqlstate, error.__cause__.diag.message_primary)
    cursor.execute("select count(*) from customers where id < %s", [8])
    print("goes on", cursor.fetchone())
    print("tables", sorted(table.name for table in connection.introspection.get_table_list(cursor)))
    for table in ("library_book", "orders"):
        print(table, connection.introspection.get_relations(cursor, table),
              sorted((name, sorted(constraint.items(), key=str))
                     for name, constraint in connection.introspection.get_constraints(cursor, table).items()),
              connection.introspection.get_sequences(cursor, table))
out = io.StringIO()
call_command("inspectdb", "customers", "orders", "library_book", stdout=out)
print(out.getvalue())
call_command("sqlflush", verbosity=0, stdout=io.StringIO())
call_command("flush", verbosity=0, interactive=False)
print("flushed", Book.objects.count())
call_command("migrate", "library", "zero", verbosity=0)
connection.close()
