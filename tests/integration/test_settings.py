"""Points 12-15: settings belong to the client, whichever server connection it gets."""
import pytest

import wire as w


@pytest.mark.parametrize("parameters", [{}, {"application_name": "x", "TimeZone": "Asia/Tokyo"}])
def test_p12_greeting_has_what_the_server_would_say(endpoint, server, wire, parameters):
    through = wire(endpoint, **parameters).settings
    straight = wire(endpoint.but(), **parameters).settings
    assert through == straight
    own = w.Wire.connect("127.0.0.1", server.port)
    own.login("app", "secret", "app", **parameters)
    assert through == own.settings
    own.close()


def test_p13_changed_setting_is_reported(endpoint, wire):
    client = wire(endpoint)
    assert client.ask("SET TimeZone = 'Asia/Tokyo'").settings == {"TimeZone": "Asia/Tokyo"}
    assert client.ask("SET application_name = 'renamed'").settings == {"application_name": "renamed"}
    assert client.ask("RESET TimeZone").settings == {"TimeZone": client.settings["TimeZone"]}


def test_p13_replies_to_replayed_settings_are_swallowed(single, wire):
    a, b = wire(single), wire(single)
    a.ask("SET DateStyle = 'German'")
    b.ask("SET DateStyle = 'SQL, DMY'")
    for _ in range(5):
        assert a.ask("SELECT date '2026-02-01'").value == "01.02.2026"
        assert b.ask("SELECT date '2026-02-01'").value == "01/02/2026"
        assert a.extended("SELECT date '2026-02-03'").value == "03.02.2026"
        assert b.ask("SELECT 1").kinds == "TDCZ"


def test_p13_replay_error_is_the_clients_own(single, wire):
    b = wire(single)
    try:
        a = wire(single, options="-c lock_timeout=nonsense")
        states = [a.ask("SELECT 1").sqlstates, a.extended("SELECT 1").sqlstates]
        assert states[0] == ["22023"]
    except w.LoginRefused as refused:
        assert refused.sqlstate == "22023"
    for number in range(3):
        assert b.ask(f"SELECT {number}").value == str(number)


def test_p14_unreported_settings_are_replayed(single, wire):
    a, b = wire(single), wire(single)
    assert a.ask("SET statement_timeout = '7s'").errors == []
    assert a.extended("SET lock_timeout = '3s'").errors == []
    assert a.ask("SELECT set_config('work_mem', '5MB', false)").value == "5MB"
    assert a.ask("SET my.own = 'it''s'").errors == []
    for _ in range(3):
        assert b.ask("SHOW statement_timeout").value == "0"
        assert b.ask("SHOW lock_timeout").value == "0"
        assert b.ask("SHOW work_mem").value == "4MB"
        assert b.ask("SELECT coalesce(current_setting('my.own', true), '')").value == ""
        assert a.ask("SHOW statement_timeout").value == "7s"
        assert a.ask("SHOW lock_timeout").value == "3s"
        assert a.ask("SHOW work_mem").value == "5MB"
        assert a.ask("SHOW my.own").value == "it's"


def test_p14_statement_timeout_acts_on_its_own_client_only(single, wire):
    a, b = wire(single), wire(single)
    a.ask("SET statement_timeout = '100ms'")
    assert b.ask("SELECT pg_sleep(0.3)").errors == []
    assert a.ask("SELECT pg_sleep(3)").sqlstates == ["57014"]
    assert b.ask("SELECT pg_sleep(0.3)").errors == []


def test_p14_set_local_does_not_stick(single, wire):
    a, b = wire(single), wire(single)
    a.ask("BEGIN")
    a.ask("SET LOCAL lock_timeout = '9s'")
    assert a.ask("SHOW lock_timeout").value == "9s"
    a.ask("COMMIT")
    assert b.ask("SHOW lock_timeout").value == "0"
    assert a.ask("SHOW lock_timeout").value == "0"


def test_p14_rolled_back_set_does_not_stick(single, wire):
    a, b = wire(single), wire(single)
    a.ask("SET lock_timeout = '1s'")
    a.ask("BEGIN")
    a.ask("SET lock_timeout = '8s'")
    a.ask("SET TimeZone = 'Asia/Tokyo'")
    a.ask("ROLLBACK")
    b.ask("SELECT 1")
    assert a.ask("SHOW lock_timeout").value == "1s"
    assert a.ask("SHOW TimeZone").value == a.settings["TimeZone"]
    a.ask("BEGIN; SET lock_timeout = '7s'; SELECT 1/0")
    a.ask("ROLLBACK")
    b.ask("SELECT 1")
    assert a.ask("SHOW lock_timeout").value == "1s"


def test_p14_set_rolled_back_to_a_savepoint_does_not_stick(single, wire):
    a, b = wire(single), wire(single)
    for text in ("BEGIN", "SET lock_timeout = '1s'", "SAVEPOINT s", "SET lock_timeout = '2s'",
                 "ROLLBACK TO s", "COMMIT"):
        assert a.ask(text).errors == []
    b.ask("SELECT 1")
    assert a.ask("SHOW lock_timeout").value == "1s"


@pytest.mark.parametrize("clear", ["RESET ALL", "DISCARD ALL", "RESET lock_timeout", "SET lock_timeout TO DEFAULT"])
def test_p14_reset_and_discard_clear(single, wire, clear):
    a, b = wire(single, lock_timeout="1234"), wire(single)
    a.ask("SET lock_timeout = '6s'")
    assert a.ask(clear).errors == []
    assert b.ask("SHOW lock_timeout").value == "0"
    assert a.ask("SHOW lock_timeout").value == "1234ms"


def test_p14_set_in_a_list_of_statements(single, wire):
    a, b = wire(single), wire(single)
    a.ask("SELECT 1; SET lock_timeout = '5s'; SELECT 2")
    assert b.ask("SHOW lock_timeout").value == "0"
    assert a.ask("SHOW lock_timeout").value == "5s"


def test_p15_role_stays_with_its_client(pair, wire):
    a, b, c = wire(pair), wire(pair), wire(pair)
    assert a.ask("SET ROLE reader").errors == []
    for _ in range(3):
        assert a.ask("SELECT current_user").value == "reader"
        assert b.ask("SELECT current_user").value == "app"
        assert c.ask("SELECT current_user").value == "app"
    a.ask("RESET ROLE")
    assert a.ask("SELECT current_user").value == "app"


def test_p15_role_by_set_config(pair, wire):
    a, b = wire(pair), wire(pair)
    a.ask("SELECT set_config('role', 'reader', false)")
    for _ in range(3):
        assert b.ask("SELECT current_user").value == "app"
        assert a.ask("SELECT current_user").value == "reader"


def test_p15_nonstandard_strings_change_lexing(single, wire):
    a, b = wire(single), wire(single)
    a.ask("SET standard_conforming_strings = off")
    a.ask("SET escape_string_warning = off")
    assert b.ask(r"SELECT 'a\'").value == "a\\"
    assert a.ask(r"SELECT 'a\'; SET lock_timeout = 1; --'").value == "a'; SET lock_timeout = 1; --"
    assert b.ask("SHOW lock_timeout").value == "0"


def test_p15_multibyte_encoding_changes_lexing(single, wire):
    a, b = wire(single), wire(single)
    assert a.ask("SET client_encoding = 'GBK'").errors == []
    a.send(w.query(b"SELECT length('\xd5\x5c')"))
    assert a.ready().value == "1"
    assert b.ask("SELECT length('é')").value == "1"
    assert b.ask("SHOW client_encoding").value == b.settings["client_encoding"]
