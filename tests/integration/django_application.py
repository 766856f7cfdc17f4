#!/usr/bin/env python3
"""A Django application in one file: models, migrations' schema editor, queries, transactions.

Run by test_drivers.py in a process of its own, because Django configures itself once; PG* variables say
where. Prints "django works".
"""
import os

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"], "NAME": os.environ["PGDATABASE"],
        "CONN_MAX_AGE": 60}},
    INSTALLED_APPS=["django.contrib.contenttypes"], USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()

from django.db import IntegrityError, connection, models, transaction  # noqa: E402


class Guild(models.Model):
    name = models.CharField(max_length=50, unique=True)
    joined = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bot"


class Bet(models.Model):
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="bets")
    amount = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "bot"


def check():
    Guild.objects.bulk_create([Guild(name=f"guild {n}") for n in range(100)])
    first = Guild.objects.get(name="guild 0")
    Bet.objects.bulk_create([Bet(guild=first, amount=n) for n in range(50)])
    assert Bet.objects.filter(guild__name="guild 0").aggregate(models.Sum("amount"))["amount__sum"] == 1225
    assert first.bets.select_related("guild").order_by("-amount").first().amount == 49
    try:
        with transaction.atomic():
            Guild.objects.create(name="new")
            Guild.objects.create(name="guild 1")
        raise AssertionError("a duplicate was accepted")
    except IntegrityError:
        pass
    assert not Guild.objects.filter(name="new").exists()
    with transaction.atomic():
        locked = Guild.objects.select_for_update().get(name="guild 2")
        locked.name = "renamed"
        locked.save()
    assert sum(1 for _ in Guild.objects.all().iterator(chunk_size=10)) == 100
    with connection.cursor() as cursor:
        cursor.execute("SHOW TimeZone")
        assert cursor.fetchone() == ("UTC",)


with connection.cursor() as dropping:
    dropping.execute("DROP TABLE IF EXISTS bot_bet, bot_guild")
with connection.schema_editor() as editor:
    editor.create_model(Guild)
    editor.create_model(Bet)
try:
    check()
finally:
    with connection.schema_editor() as editor:
        editor.delete_model(Bet)
        editor.delete_model(Guild)
print("django works")
