"""`ductape doctor`: what it says of a file, and how the command ends."""

import json
from pathlib import Path
from typing import cast

import pytest

from ductape.services.doctor import Finding, Report
from ductape.stores.sqlite.file.statements import known_schema
from tests.unit.cli.builders import Terminal, a_request, scheduled

NARROW = 80


def report(terminal: Terminal) -> Report:
    return cast("Report", terminal("doctor", "--json").json())


def of(found: Report, section: str) -> list[Finding]:
    return [one for one in found["findings"] if one["section"] == section]


def test_a_sound_store_ends_well_and_is_told_line_by_line(shop: Terminal) -> None:
    answer = shop("doctor")
    assert answer.code == 0
    for said in (
        f"{known_schema().number}, up to date",
        "SQLite 3.",
        "version 1",
        "tz database",
        "seals and opens",
    ):
        assert said in answer.out
    assert answer.out.splitlines()[-1] == "0 faults, 1 warning"


def test_every_setting_is_told_with_where_it_comes_from(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ductape.toml").write_text('[worker]\nconcurrency = 7\nqueues = ["a", "b"]\n')
    monkeypatch.setenv("DUCTAPE_WORKER_GRACE", "1000")
    answer = terminal("doctor", "--store", "sqlite:///other.db", "--json")
    told = {one["subject"]: one["said"] for one in of(cast("Report", answer.json()), "settings")}
    assert told["store"] == "sqlite:///other.db (argument)"
    assert told["worker.concurrency"] == "7 (file)"
    assert told["worker.queues"] == "a, b (file)"
    assert told["worker.grace"] == "1000 (environment)"
    assert told["worker.lease"] == "30000 (default)"


def test_a_key_is_masked_and_does_not_belong_into_the_settings_file(
    terminal: Terminal, tmp_path: Path
) -> None:
    key = "k1:" + "B" * 43
    (tmp_path / "ductape.toml").write_text(f'key = "{key}"\n')
    answer = terminal("doctor")
    assert "B" * 43 not in answer.out + answer.err
    assert "*** (file)" in answer.out
    assert "DUCTAPE_KEY" in answer.out


def test_it_makes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    answer = terminal("doctor")
    assert answer.code == 0
    assert "there is no database yet" in answer.out
    assert list(tmp_path.iterdir()) == []


def test_runs_that_nobody_can_take_are_a_fault(shop: Terminal) -> None:
    scheduled(shop, start_at=0)
    answer = shop("doctor", "--json")
    assert answer.code == 1
    found = cast("Report", answer.json())
    [untaken] = of(found, "runs")
    assert (found["state"], untaken["state"]) == ("fault", "fault")
    assert untaken["details"]["needs"] == "job:pack"
    assert "ductape worker --queues default" in (untaken["remedy"] or "")


def test_a_job_due_later_is_no_fault(shop: Terminal) -> None:
    assert shop("schedule", "-", stdin=a_request()).code == 0
    assert shop("doctor").code == 0


def test_lost_keys_are_a_fault(shop: Terminal, tmp_path: Path) -> None:
    (tmp_path / "ductape.db.key").unlink()
    answer = shop("doctor", "--json")
    assert answer.code == 1
    told = of(cast("Report", answer.json()), "keys")
    assert [one["state"] for one in told] == ["warning", "fault"]
    assert "last sealed with it" in told[1]["said"]
    assert not (tmp_path / "ductape.db.key").exists()


def test_another_key_than_the_store_s_is_a_fault(
    shop: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", "k9:" + "A" * 43)
    answer = shop("doctor")
    assert answer.code == 1
    assert "is not in the ring" in answer.out


def test_a_key_that_is_none_is_a_fault(shop: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUCTAPE_KEY", "hush")
    answer = shop("doctor")
    assert answer.code == 1
    assert "is not 32 bytes in base64url" in answer.out
    assert "hush" not in answer.out + answer.err


def test_a_store_out_of_reach_ends_with_3_and_the_rest_is_told(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "ductape.db").write_text("no database, but long enough for one " * 20)
    answer = terminal("doctor", "--json")
    found = cast("Report", answer.json())
    assert answer.code == 3
    assert found["reachable"] is False
    assert [one["state"] for one in of(found, "store")] == ["ok", "fault"]
    assert of(found, "settings")


def test_a_store_of_no_known_kind_is_a_fault(terminal: Terminal) -> None:
    answer = terminal("doctor", "--store", "mysql://host/db")
    assert answer.code == 1
    assert "found a `mysql` URL" in answer.out


def test_it_fits_a_narrow_terminal(shop: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled(shop, start_at=0)
    monkeypatch.setenv("COLUMNS", str(NARROW))
    lines = shop("doctor").out.splitlines()
    assert max(len(line) for line in lines) <= NARROW
    assert any(line.startswith("  FAULT") for line in lines)


def test_json_is_one_object(shop: Terminal) -> None:
    found = json.loads(shop("doctor", "--json").out)
    assert set(found) == {"state", "store", "reachable", "findings"}
    keys = {"section", "subject", "state", "said", "remedy", "details"}
    assert all(set(one) == keys for one in found["findings"])


def test_a_file_whose_folder_is_not_there_is_out_of_reach(
    terminal: Terminal, tmp_path: Path
) -> None:
    answer = terminal("doctor", "--store", f"sqlite:///{tmp_path}/none/jobs.db")
    assert answer.code == 3
    assert "the folder must exist" in answer.out
