"""`ductape store`: whole stores copied, looked over, saved and put back."""

import json
from contextlib import closing
from pathlib import Path

from ductape.app.configuration.loading import sqlite_path
from ductape.stores.sqlite.connection import open_connection
from tests.unit.cli.builders import Terminal, scheduled


def test_a_copy_has_the_jobs_of_its_origin(shop: Terminal) -> None:
    job = scheduled(shop)
    copied = shop("store", "copy", "sqlite:///ductape.db", "sqlite:///new.db")
    assert copied.code == 0, copied.err
    assert "rows, the same on both sides" in copied.out
    assert "runs: 1 rows copied" in copied.err
    Path("ductape.db.key").rename("new.db.key")
    assert job in shop("--store", "sqlite:///new.db", "jobs", "list").out


def test_a_copy_names_the_keys_that_it_needs(shop: Terminal) -> None:
    ring = json.loads(shop("vault", "status", "--json").out)
    copied = shop("--json", "store", "copy", "ductape.db", "new.db")
    assert json.loads(copied.out)["keys"] == [key["id"] for key in ring["keys"]]
    assert not Path("new.db.key").exists()


def test_a_copy_into_a_store_in_use_is_refused(shop: Terminal) -> None:
    refused = shop("store", "copy", "ductape.db", "ductape.db")
    assert refused.code == 2
    assert "is not empty: rows 1 in products" in refused.err


def test_a_store_that_a_copy_did_not_fill_cannot_be_opened(shop: Terminal) -> None:
    with closing(open_connection("ductape.db")) as connection:
        connection.execute("INSERT INTO unfinished_copy VALUES (1, 'old.db', 0)")
    listed = shop("jobs", "list")
    assert listed.code == 3
    assert "unfinished copy of old.db" in listed.err
    assert "ductape store copy --again old.db" in listed.err


def test_a_store_that_is_not_there_is_not_made_by_looking_for_it(terminal: Terminal) -> None:
    for words in (("copy", "old.db", "new.db"), ("check",)):
        answer = terminal("store", *words)
        assert answer.code == 3
        assert "there is no store" in answer.err
    assert [*Path().iterdir()] == []


def test_a_sound_store_is_said_to_be_sound(shop: Terminal) -> None:
    scheduled(shop)
    checked = shop("store", "check")
    assert (checked.code, checked.out) == (0, "sqlite:///ductape.db is sound\n")


def test_what_is_wrong_with_a_store_is_told(shop: Terminal) -> None:
    job = scheduled(shop)
    with closing(open_connection("ductape.db")) as connection:
        connection.execute("UPDATE runs SET recurring = 1")
    checked = shop("store", "check", "--json")
    assert checked.code == 1
    [finding] = json.loads(checked.out)["findings"]
    assert finding["rule"] == "no_recurrence"
    assert finding["job_id"] == job


def test_a_damaged_file_is_told(shop: Terminal) -> None:
    with closing(open_connection("ductape.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA writable_schema = on")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'runs_later'")
    checked = shop("store", "check")
    assert checked.code == 1
    assert "never used" in checked.out


def test_a_backup_is_put_back_whole_and_without_its_key(shop: Terminal) -> None:
    job = scheduled(shop)
    saved = shop("store", "backup", "saved.db")
    assert saved.code == 0, saved.err
    assert "the encryption keys are left out" in saved.err
    restored = shop("--store", "back.db", "store", "restore", "saved.db")
    assert restored.code == 0, restored.err
    Path("ductape.db.key").rename("back.db.key")
    assert job in shop("--store", "back.db", "jobs", "list").out


def test_nothing_is_overwritten_by_a_backup_or_put_over_a_store(shop: Terminal) -> None:
    before = Path("ductape.db").read_bytes()
    for words in (("backup", "ductape.db"), ("restore", "ductape.db")):
        refused = shop("store", *words)
        assert refused.code == 2
        assert "exists already" in refused.err
    assert Path("ductape.db").read_bytes() == before


def test_there_must_be_something_to_save_and_to_put_back(terminal: Terminal) -> None:
    assert "there is no store to save" in terminal("store", "backup", "saved.db").err
    refused = terminal("store", "restore", "saved.db")
    assert "there is no saved store" in refused.err
    assert refused.code == 2
    assert not Path(sqlite_path("sqlite:///ductape.db")).exists()


def test_a_database_on_a_server_is_saved_with_its_own_tools(terminal: Terminal) -> None:
    refused = terminal("--store", "postgresql://db/jobs", "store", "backup", "saved.db")
    assert refused.code == 2
    assert "pg_dump" in refused.err
