"""``flamo export`` and ``flamo convert``: files of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flamo.cli.options import Verbose
from flamo.errors import ComponentLoadError, InputError

if TYPE_CHECKING:
    from flamo.curves import Curve
    from flamo.equalizer import Equalizer

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over files that are there.")]
Fs = Annotated[
    int | None,
    typer.Option(min=1000, max=10_000_000, help="Sampling frequency in Hz of the player.", show_default=False),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Option of a format: equalizer_apo.headroom=false.", show_default=False
    ),
]


def export(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, or a .safetensors file.", show_default=False)
    ],
    to: Annotated[
        str, typer.Option("--to", help="Formats, comma between them; 'flamo list exporter'.", show_default=False)
    ],
    fs: Fs = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder; RUN/exports, or that of the file.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
    sets: Options = None,
    verbose: Verbose = False,
) -> None:
    """Write the system of a run, or its filters, as other programs read them."""
    from flamo.exporting import export, read_result, write_files
    from flamo.run_folder import EXPORTED

    nodes = _nodes([name.strip() for name in to.split(",")], sets or ())
    result = read_result(run)
    files = export(result.source, nodes, fs, result.name, fitted=result.fs)
    _say(write_files(output or (run / EXPORTED if run.is_dir() else run.parent), files, overwrite))


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A curve or an equaliser.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write.", show_default=False)],
    from_: Annotated[
        str | None, typer.Option("--from", help="Format of IN; 'flamo list reader'.", show_default=False)
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Format of OUT, where its suffix has several; 'flamo list exporter'."),
    ] = None,
    read_: Annotated[
        list[str] | None,
        typer.Option("--read", metavar="KEY=VALUE", help="Option of the format of IN: channel=R.", show_default=False),
    ] = None,
    fs: Fs = None,
    overwrite: Overwrite = False,
    sets: Options = None,
    verbose: Verbose = False,
) -> None:
    """Write a curve or an equaliser in the format of another program."""
    name = to or _format_of(target)
    from flamo.exporting import export, write_files
    from flamo.reading import read_file

    content: Curve | Equalizer = read_file(source, from_, **dict(_option(change, "--read") for change in read_ or ()))
    files = _renamed(export(content, _nodes([name], sets or ()), fs), target)
    _say(write_files(target.parent, files, overwrite))


def _nodes(formats: Sequence[str], sets: Sequence[str]) -> list[dict[str, dict[str, Any]]]:
    """Formats with their options."""
    options: dict[str, dict[str, Any]] = {name: {} for name in formats}
    for change in sets:
        name, _, option = change.partition("=")[0].rpartition(".")
        if not option or name not in options:
            raise InputError(f"--set {change}: must be FORMAT.KEY=VALUE, with a format of --to: {', '.join(formats)}")
        options[name][option] = _option(change, "--set")[1]
    return [{name: given} for name, given in options.items()]


def _option(change: str, option: str) -> tuple[str, Any]:
    """Key and value of ``KEY=VALUE``, a value as in YAML."""
    from flamo.config.reading import parse

    key, equals, value = change.partition("=")
    if not equals or not key:
        raise InputError(f"{option} {change}: must be KEY=VALUE")
    return key, parse(value, f"{option} {key}").data


def _format_of(path: Path) -> str:
    """The one format with the suffix of a file."""
    from flamo import registry

    found = [offer for offer in registry.offers("exporter") if _suffix(offer) == path.suffix.lower()]
    if len(found) == 1:
        return found[0].component.name if found[0].plugin.ours else found[0].qualified_name
    names = ", ".join(offer.component.name for offer in found)
    raise InputError(
        f"{path}: several formats have this suffix; say --to one of {names}"
        if found
        else f"{path}: no format has this suffix; say --to FORMAT, and see 'flamo list exporter'"
    )


def _suffix(offer: Any) -> str | None:
    from flamo import registry

    try:
        return getattr(registry.load(offer), "suffix", None)
    except ComponentLoadError:
        return None


def _renamed(files: dict[str, bytes], target: Path) -> dict[str, bytes]:
    """The main file under another name, and those beside it with their own suffixes."""
    main, *others = files
    names = {main: target.name, **{other: target.with_suffix(Path(other).suffix).name for other in others}}
    if len(set(names.values())) < len(files):
        raise InputError(f"{target}: the format has another file of this name beside it; choose another suffix")
    return {names[name]: data for name, data in files.items()}


def _say(paths: Sequence[Path]) -> None:
    for path in paths:
        typer.echo(f"written to {str(path).encode('utf-8', 'replace').decode()}")
