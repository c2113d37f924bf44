"""Tells pip who a source distribution is: pip asks its build backend before it keeps the download, and the real one runs cargo for that."""

from email import message_from_file
from pathlib import Path
from shutil import copy


def prepare_metadata_for_build_wheel(folder, config_settings=None):
    with open("PKG-INFO", encoding="utf-8") as file:
        head = message_from_file(file)
    name = f"{head['Name'].replace('-', '_')}-{head['Version']}.dist-info"
    target = Path(folder, name)
    target.mkdir()
    copy("PKG-INFO", target / "METADATA")
    return name
