"""A migration of Django's that adds a column, fills it and puts an index on it, all in one transaction."""

import os
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings

app = tempfile.TemporaryDirectory()
migrations = Path(app.name) / "library" / "migrations"
migrations.mkdir(parents=True)
(migrations.parent / "__init__.py").touch()
(migrations / "__init__.py").touch()
(migrations.parent / "models.py").touch()
(migrations / "0001_first.py").write_text("""
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Author", [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField())]),
        migrations.CreateModel("Book", [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=40)),
            ("author", models.ForeignKey("library.Author", on_delete=models.CASCADE)),
        ]),
    ]
""")
(migrations / "0002_second.py").write_text("""
from django.db import migrations

def books(apps, editor):
    Author, Book = apps.get_model("library", "Author"), apps.get_model("library", "Book")
    for n in range(3):
        Book.objects.create(name=f"title {n}", author=Author.objects.create(name=f"author {n}"))

class Migration(migrations.Migration):
    dependencies = [("library", "0001_first")]
    operations = [migrations.RunPython(books)]
""")
(migrations / "0003_third.py").write_text("""
from django.db import migrations, models

def fill(apps, editor):
    Book = apps.get_model("library", "Book")
    with editor.connection.cursor() as cursor:
        cursor.execute("select email from customers where id = 7")
        mail = cursor.fetchone()[0]
    for book in Book.objects.select_related("author").order_by("id"):
        book.label, book.mail = book.name.capitalize(), mail
        book.save(update_fields=["label", "mail"])
    assert Book.objects.filter(label="").count() == 0

class Migration(migrations.Migration):
    dependencies = [("library", "0002_second")]
    operations = [
        migrations.AddField("Book", "label", models.TextField(default="")),
        migrations.AddField("Book", "mail", models.TextField(null=True)),
        migrations.RunPython(fill),
        migrations.AddIndex("Book", models.Index(fields=["label"], name="labels")),
        migrations.RenameField("Book", "label", "caption"),
        migrations.RenameModel("Book", "Volume"),
    ]
""")
sys.path.insert(0, app.name)
settings.configure(
    SECRET_KEY="x", USE_TZ=True, INSTALLED_APPS=["library"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ.get("PGPASSWORD", ""), "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
    }},
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

call_command("migrate", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("select caption, mail from library_volume order by id")
    rows = cursor.fetchall()
print("filled", [caption for caption, _ in rows], rows[0][1])
