"""What people write with Django's ORM: autocommit, literals in the text."""
import os
import time

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "HOST": os.environ.get("PGHOST"), "PORT": os.environ.get("PGPORT"),
        "USER": os.environ.get("PGUSER"), "PASSWORD": os.environ.get("PGPASSWORD"),
        "NAME": os.environ.get("PGDATABASE"), "OPTIONS": {"application_name": "shop"}}},
    USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

from django.core.paginator import Paginator  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402

from cases import case, loop, main  # noqa: E402


class Publisher(models.Model):
    name = models.TextField()

    class Meta:
        app_label, db_table, managed = "shop", "publishers", False


class Author(models.Model):
    name = models.TextField()
    publisher = models.ForeignKey(Publisher, on_delete=models.CASCADE)
    active = models.BooleanField()

    class Meta:
        app_label, db_table, managed = "shop", "authors", False


class Tag(models.Model):
    name = models.TextField(unique=True)

    class Meta:
        app_label, db_table, managed = "shop", "tags", False


class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    editor = models.ForeignKey(Author, null=True, on_delete=models.CASCADE, related_name="edited")
    title = models.TextField()
    price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        app_label, db_table, managed = "shop", "books", False


class BookTag(models.Model):
    book = models.ForeignKey(Book, on_delete=models.CASCADE)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE)

    class Meta:
        app_label, db_table, managed = "shop", "book_tags", False


class Review(models.Model):
    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="reviews")
    stars = models.IntegerField()

    class Meta:
        app_label, db_table, managed = "shop", "reviews", False


class Setting(models.Model):
    name = models.TextField(primary_key=True)
    value = models.TextField()

    class Meta:
        app_label, db_table, managed = "shop", "settings", False


BOOKS_OF = 'from "books" where "books"."author_id" ='
AUTHOR_BY_ID = 'from "authors" where "authors"."id" ='


@case(loop("proven", BOOKS_OF, 24, 'from "authors" order by', "id"))
def django_collection():
    """Each author's books, collection by collection."""
    for author in Author.objects.order_by("id"):
        assert len(author.books.all()) == 3


@case(loop("proven", AUTHOR_BY_ID, 72, 'from "books" order by', "author_id"))
def django_foreign_key():
    """The author of each of 72 books, three of which share one: Django asks each time."""
    for book in Book.objects.order_by("id"):
        assert book.author.name


@case(loop("proven", AUTHOR_BY_ID, 24, 'from "books" order by', "editor_id"))
def django_nullable_foreign_key():
    """Editors, where a book has one."""
    assert sum(1 for book in Book.objects.order_by("id") if book.editor) == 24


@case(loop("proven", BOOKS_OF, 18, 'from "authors" order by', "id"))
def django_condition():
    """Books of those authors only that are active: rows are skipped."""
    for author in Author.objects.order_by("name"):
        if author.active:
            list(author.books.all())


@case(loop("proven", BOOKS_OF, 24, 'from "authors" order by', "id"))
def django_count_per_row():
    """A count for each row."""
    for author in Author.objects.order_by("id"):
        author.books.count()


@case(loop("proven", BOOKS_OF, 24, 'from "authors" order by', "id"),
      loop("chained", 'from "reviews" where "reviews"."book_id" =', 72, BOOKS_OF, "id"))
def django_nested():
    """Authors, their books, the books' reviews."""
    for author in Author.objects.order_by("id"):
        for book in author.books.order_by("id"):
            list(book.reviews.all())


@case(loop("interleaved", BOOKS_OF, 48, 'from "authors" order by', "id"))
def django_two_per_row():
    """Each author's books and publisher in turns."""
    for author in Author.objects.order_by("id"):
        list(author.books.all())
        assert author.publisher.name


@case(loop("proven", 'from "book_tags" inner join "tags"', 20, 'from "books" order by', "id"))
def django_many_to_many():
    """Tags of the first 20 books, joined to what links them."""
    for book in Book.objects.order_by("id")[:20]:
        list(BookTag.objects.filter(book_id=book.id).select_related("tag"))


@case(loop("proven", BOOKS_OF, 24, 'from "authors" order by', "id"))
def django_update_per_row():
    """Reads and writes for each author, where the read could be one."""
    for author in Author.objects.order_by("id"):
        author.name = f"author with {len(author.books.all())} books"
        author.save()


@case(loop("proven", BOOKS_OF, 24, 'from "authors" order by', "id"))
def django_atomic():
    """A savepoint around each row's query."""
    with transaction.atomic():
        for author in Author.objects.order_by("id"):
            with transaction.atomic():
                list(author.books.all())


@case(loop("proven", BOOKS_OF, 10, 'from "authors" order by', "id"))
def django_traced():
    """Slow work between the queries, and a traceparent in each, as sqlcommenter writes it."""
    trace = "controller='authors',framework='django',traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'"

    def comment(execute, sql, params, many, context):
        return execute(f"{sql} /*{trace}*/", params, many, context)

    with connection.execute_wrapper(comment):
        for author in Author.objects.order_by("id")[:10]:
            time.sleep(0.07)
            list(author.books.all())


@case(loop("repeated", AUTHOR_BY_ID, 15))
def django_list_of_keys():
    """Keys that came with the request, one get() each."""
    keys = [1000 + 7 * n + n % 3 for n in (17, 3, 21, 9, 1, 12, 24, 6, 19, 2, 14, 8, 22, 5, 11)]
    for key in keys:
        Author.objects.get(pk=key)


@case(loop("duplicate", 'from "settings" where "settings"."name" =', 9))
def django_setting_again():
    """The same setting for each of nine things."""
    for _ in range(9):
        Setting.objects.get(name="setting 3")


@case()
def django_prefetch_related():
    """The collections with one query more."""
    for author in Author.objects.order_by("id").prefetch_related("books__reviews"):
        for book in author.books.all():
            list(book.reviews.all())


@case()
def django_select_related():
    """Authors and publishers by a join."""
    for book in Book.objects.select_related("author__publisher"):
        assert book.author.publisher.name


@case()
def django_in_bulk():
    """Keys all at once."""
    assert len(Author.objects.in_bulk([1008, 1016, 1021])) == 3


@case()
def django_get_or_create():
    """An import: look for each, create what is missing."""
    for n in range(20):
        Tag.objects.get_or_create(name=f"tag {n}", defaults={"id": 500 + n})


@case()
def django_save_loop():
    """An update for each row."""
    for book in list(Book.objects.order_by("id")[:30]):
        book.price += 1
        book.save(update_fields=["price"])


@case()
def django_paginator():
    """All pages of a list, by OFFSET."""
    pages = Paginator(Review.objects.order_by("id"), 25)
    for number in pages.page_range:
        list(pages.page(number))


@case()
def django_iterator():
    """Rows in chunks from a cursor on the server."""
    assert sum(1 for _ in Review.objects.order_by("id").iterator(chunk_size=20)) == 216


@case()
def django_four_rows():
    """A loop over four rows isn't worth a word."""
    for author in Author.objects.order_by("id")[:4]:
        list(author.books.all())


@case()
def django_page_with_many_parts():
    """A page of different queries."""
    Author.objects.count()
    list(Book.objects.filter(price__gt=20)[:5])
    list(Publisher.objects.all()[:3])
    Setting.objects.get(name="setting 1")
    list(Tag.objects.order_by("name"))
    Author.objects.filter(active=True).first()
    Review.objects.aggregate(models.Avg("stars"))


main()
