"""`showrunner ingest`: the command, and with real processes the way from a team's files to recommendations."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from contracts import layout
from runtime.catalog import current_run, read_items
from runtime.object_stores import open_store
from showrunner.cli import main
from showrunner.data_dir import DataDir
from tests.items import publish_items, some_items
from tests.processes import eventually
from tests.showrunner.ingesting.files import HEADER, written

MOVIES = "movieId,title,genres\n1,A First (1999),Drama|Comedy\n2,Two,(no genres listed)\n"
COMMAND = [sys.executable, "-c", "from showrunner.cli import main; main()"]


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Ingest = Callable[..., Done]


@pytest.fixture
def ingest(data_dir: DataDir, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ingest:
    """`showrunner ingest` on `data_dir`, in this process: starting another one takes longer than the import."""

    def run(*arguments: str | Path) -> Done:
        command = ["showrunner", "ingest", "--data-dir", str(data_dir.root), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as exited:
            main()
        said = capsys.readouterr()
        return Done(int(exited.value.code or 0), said.out, said.err)

    return run


def showrunner(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class TestCommand:
    def test_says_what_was_loaded_and_what_not(self, data_dir: DataDir, ingest: Ingest, tmp_path: Path) -> None:
        bad = "".join(f"{n},1,[bold]9[/],4\n" for n in range(12))
        content = f"{HEADER}1,1,3,4\n1,2,5,4\n1,3,5,4\n{bad}"
        ratings = written(tmp_path / "r.csv", content)
        items = written(tmp_path / "movies.csv", MOVIES + "3,\n")
        store = open_store(data_dir.settings()[0])

        done = ingest("--ratings", ratings, "--items", items)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "items: 2 published, 1 rejected",
            "ratings: 3 rows loaded, 0 were there already, 12 rejected",
            f"next: showrunner build --data-dir {data_dir.root}",
        ]
        run = current_run(store)
        assert run is not None
        of_items = layout.catalog_rejected(run.run)
        key = layout.import_rejected(sha256(content.encode()).hexdigest())
        assert done.stderr.splitlines() == [
            f"{items}: line 4: 2 fields where the header has 3: is a comma in it not quoted?",
            f"{items}: 1 rejected; all of them with their reasons: {of_items} in the object store",
            *(f"{ratings}: line {n}: rating: must be a number, got '[bold]9[/]'" for n in range(5, 15)),
            f"{ratings}: 12 rejected; all of them with their reasons: {key} in the object store",
            "warning: 1 rows are of items that are not in the catalogue; they wait for them",
        ]
        rejected = [json.loads(line) for line in store.get(key).data.splitlines()]
        assert [row["line"] for row in rejected] == list(range(5, 17))
        assert rejected[0]["row"]["value"] == "[bold]9[/]"

        again = ingest("--ratings", ratings, "--items", items)
        assert again.stdout.splitlines()[:2] == [
            "items: 2 as they were, 1 rejected",
            "ratings: 0 rows loaded, 3 were there already, 12 rejected",
        ]
        assert current_run(store) == run

    def test_ratings_alone_need_items_next(self, data_dir: DataDir, ingest: Ingest, tmp_path: Path) -> None:
        done = ingest("--ratings", written(tmp_path / "r.csv", HEADER + "1,1,3,4\n"))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[1] == (
            f"next: showrunner ingest --items FILE --data-dir {data_dir.root} (there is no catalogue yet)"
        )

    def test_the_demos_lake_is_warned_of(self, data_dir: DataDir, ingest: Ingest, tmp_path: Path) -> None:
        publish_items(open_store(data_dir.settings()[0]), some_items(2))
        done = ingest("--items", written(tmp_path / "movies.csv", MOVIES))
        assert done.returncode == 0
        assert done.stderr.startswith(f"warning: {data_dir.root} has the demo's catalogue")
        assert "warning" not in ingest("--items", tmp_path / "movies.csv").stderr

    def test_another_import_is_waited_for(self, data_dir: DataDir, ingest: Ingest, tmp_path: Path) -> None:
        items = written(tmp_path / "movies.csv", MOVIES)
        with data_dir.locked():
            done = ingest("--items", items)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: a demo or an import runs on {data_dir.root}; wait for its end")
        assert ingest("--items", items).returncode == 0

    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            ([], "nothing to load: name a file with --ratings, with --items, or both"),
            (["--ratings", "missing.csv"], "missing.csv: No such file or directory"),
            (["--items", "missing.csv"], "missing.csv: No such file or directory"),
            (["--ratings", "empty.csv"], "empty.csv: is empty"),
            (["--items", "empty.csv"], "empty.csv: is empty"),
            (["--ratings", "header.csv"], "header.csv: has no row that can be loaded (0 rejected)"),
            (
                ["--items", "header.csv"],
                "header.csv: there is no column title, only userId, movieId, rating, timestamp",
            ),
            (["--ratings", "items.csv"], "items.csv: there is no column user_id or userId, only item_id, title: "),
            (["--items", "items.csv"], "the source 'ingest' gave no valid item (0 rejected)"),
        ],
    )
    def test_what_cannot_be_done_is_one_line(
        self, ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        written(tmp_path / "empty.csv", "")
        written(tmp_path / "header.csv", "userId,movieId,rating,timestamp\n")
        written(tmp_path / "items.csv", "item_id,title\n")
        done = ingest(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: {line}")
        assert done.stderr.count("\n") == 1


class TestItems:
    def test_a_copied_or_extended_file_makes_no_old_item_new(
        self, data_dir: DataDir, ingest: Ingest, tmp_path: Path
    ) -> None:
        store = open_store(data_dir.settings()[0])
        path = written(tmp_path / "movies.csv", MOVIES)
        os.utime(path, (10**9, 10**9))
        ingest("--items", path)
        first = current_run(store)
        assert first is not None
        os.utime(path, (2 * 10**9, 2 * 10**9))
        ingest("--items", path)
        assert current_run(store) == first
        written(path, MOVIES + "3,New,Drama\n")
        os.utime(path, (2 * 10**9, 2 * 10**9))
        assert "items: 3 published" in ingest("--items", path).stdout
        run = current_run(store)
        assert run is not None
        times = read_items(store, run.run)["added_at"].to_pylist()
        assert [time.timestamp() for time in times] == [10**9, 10**9, 2 * 10**9]


def movielens(folder: Path) -> tuple[Path, Path, dict[str, set[str]]]:
    """Invented titles and viewers in the format of MovieLens; a viewer likes odd or even films, and says so."""
    chance = random.Random(1)
    with (folder / "movies.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["movieId", "title", "genres"])
        for n in range(1, 61):
            writer.writerow([n, f"The Invented, Part {n} ({1960 + n})", "Drama|War" if n % 2 else "Comedy"])
    seen: dict[str, set[str]] = {}
    with (folder / "ratings.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["userId", "movieId", "rating", "timestamp"])
        for user in range(1, 41):
            films = chance.sample(range(1, 61), 20)
            seen[str(user)] = {str(film) for film in films}
            for place, film in enumerate(films):
                rating = chance.choice([4, 4.5, 5]) if film % 2 == user % 2 else chance.choice([0.5, 1, 2])
                writer.writerow([user, film, rating, 1_100_000_000 + 86_400 * place + user])
            if user == 20:
                writer.writerow([user, 1, "great", 1_100_000_000])
    return folder / "ratings.csv", folder / "movies.csv", seen


def test_from_movielens_files_to_recommendations(data_dir: DataDir, tmp_path: Path) -> None:
    ratings, movies, seen = movielens(tmp_path)
    done = showrunner("ingest", "--data-dir", data_dir.root, "--ratings", ratings, "--items", movies)
    assert done.returncode == 0, done.stderr
    assert "ratings: 800 rows loaded, 0 were there already, 1 rejected" in done.stdout
    assert f"{ratings}: line 402: rating: must be a number, got 'great'" in done.stderr
    again = showrunner("ingest", "--data-dir", data_dir.root, "--ratings", ratings)
    assert "ratings: 0 rows loaded, 800 were there already" in again.stdout

    built = showrunner("build", "--data-dir", data_dir.root)
    assert built.returncode == 0, built.stderr
    assert "promoted" in built.stdout
    assert "800 events" in built.stdout

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["serve", "--data-dir", str(data_dir.root), "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        serving = subprocess.Popen([*COMMAND, *arguments], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _ready(url), what="a model that is served")
        with httpx.Client(base_url=url) as client:
            for user, films in seen.items():
                answer = client.post("/recommend", json={"user_id": int(user), "num_items": 10}).json()
                assert answer["strategy"] == "personalized"
                listed = [item["item_id"] for item in answer["items"]]
                assert len(set(listed)) == 10
                assert not films & set(listed)
                for item in answer["items"]:
                    number = int(item["item_id"])
                    assert (item["title"], item["release_year"]) == (f"The Invented, Part {number}", 1960 + number)
            assert client.get("/api/recommendations/1?limit=3").json()["user_id"] == "1"
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(10) == 0, (tmp_path / "log").read_text()
    finally:
        serving.kill()
        serving.wait()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False
