"""`showrunner`: the command line."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from contracts.artifact import ArtifactError
from model_builder.publish import PublishError
from runtime.catalog import CatalogError
from runtime.event_table import EventTableError
from runtime.object_store import ObjectStoreError
from runtime.process import stop_on_signals
from showrunner import building, models
from showrunner.data_dir import DataDir, DataDirError
from showrunner.demo.child import ChildFailedError
from showrunner.demo.demo import DemoError, run
from showrunner.demo.options import DemoOptions
from showrunner.ingesting.file import IngestError
from showrunner.ingesting.ingest import ingest as ingest_files

DEFAULT_DATA_DIR = Path(".showrunner")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_KNOWN_ERRORS = (
    ArtifactError,
    CatalogError,
    ChildFailedError,
    DataDirError,
    DemoError,
    EventTableError,
    IngestError,
    ObjectStoreError,
    PublishError,
)

app = typer.Typer(
    help="Showrunner: a TV-show and movie recommender a team can really run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The models in the store.", no_args_is_help=True)
app.add_typer(models_app, name="models")

DataDirOption = Annotated[Path, typer.Option(help="Folder of the lake, the models and the logs.")]


def seconds(text: str) -> float:
    """`90`, `20s`, `2m` or `1h` in seconds. Raises typer's BadParameter."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no duration; say for example 20s or 2m")
    return float(match[1]) * _UNITS[match[2]]


@app.command()
def demo(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the recommender listens.")] = DemoOptions.port,
    host: Annotated[str, typer.Option(help="Address it listens on.")] = DemoOptions.host,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    build_every: Annotated[str, typer.Option(help="Time between two builds: 20s, 2m.")] = "2m",
    rate: Annotated[float, typer.Option(min=0.1, help="Events per second.")] = DemoOptions.rate,
    viewers: Annotated[int, typer.Option(min=1, help="Viewers at the start.")] = DemoOptions.viewers,
    items: Annotated[int, typer.Option(min=1, help="Shows and movies in the catalogue.")] = DemoOptions.items,
    history: Annotated[int, typer.Option(min=0, help="Events that an empty lake begins with.")] = DemoOptions.history,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic world.")] = DemoOptions.seed,
) -> None:
    """Run the whole pipeline on this machine; ctrl-C stops it, and the next start goes on where it stopped."""
    options = DemoOptions(host, port, seconds(build_every), rate, viewers, items, history, seed)
    run(DataDir.create(data_dir), options, stop_on_signals(), Console())


@app.command()
def ingest(
    ratings: Annotated[
        Path | None,
        typer.Option(help="Who rated what: user_id, item_id, rating, timestamp (or as MovieLens names them)."),
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(help="The catalogue: item_id, title, genres separated by | and more (or MovieLens' movies.csv)."),
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Load your own history and catalogue: CSV, JSON Lines or Parquet.

    Times are seconds since 1970 or ISO 8601; event_type is optional (RATING).
    Rows that cannot be read are reported with their lines, the rest is loaded.
    Repeating an import adds nothing, and one that was cut off is completed.

    A file that has grown is another file: all its rows are loaded again. That
    takes room but does no harm: the latest rating of an item by a viewer counts.
    """
    ingest_files(
        DataDir.create(data_dir),
        ratings=ratings,
        items=items,
        where="" if data_dir == DEFAULT_DATA_DIR else f" --data-dir {shlex.quote(str(data_dir))}",
        output=Console(),
        errors=Console(stderr=True),
    )


@app.command()
def build(data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Train a model once on what is in the lake, and promote it if it earns it."""
    building.build_once(DataDir.create(data_dir), Console())


@app.command()
def serve(
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen.")] = DemoOptions.port,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = DemoOptions.host,
) -> None:
    """Serve the promoted model over HTTP, and each newer one as it comes."""
    environment = {
        **os.environ,
        **DataDir.create(data_dir).environment(),
        "RECOMMENDER_HOST": host,
        "RECOMMENDER_PORT": str(port),
    }
    os.execve(sys.executable, [sys.executable, "-m", "recommender"], environment)  # noqa: S606 - our own room


@models_app.command("list")
def list_models(data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Every model, the newest first."""
    models.show_all(DataDir.create(data_dir), Console())


@models_app.command("show")
def show_model(
    model_version: Annotated[str | None, typer.Argument(help="The champion by default.")] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """One model: what it was made of, how good it was found, and why it was promoted or not."""
    models.show_one(DataDir.create(data_dir), model_version, Console())


def main() -> None:
    """Run the command line; what is known to go wrong ends with one line."""
    try:
        app()
    except _KNOWN_ERRORS as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None
