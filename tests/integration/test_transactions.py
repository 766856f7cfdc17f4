"""Points 16-21: transactions, and when a server connection may change hands."""
import pytest

import wire as w


def test_p16_ready_says_the_transaction_state(endpoint, wire):
    client = wire(endpoint)
    assert client.ask("SELECT 1").status == "I"
    assert client.ask("BEGIN").status == "T"
    assert client.ask("SELECT 1/0").status == "E"
    assert client.ask("SELECT 1").sqlstates == ["25P02"]
    assert client.ask("ROLLBACK").status == "I"
