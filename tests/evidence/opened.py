"""Packs, opened to be looked into."""

import re
import zipfile
from io import BytesIO
from unicodedata import normalize

from pypdf import PdfReader


def members_of(path):
    with zipfile.ZipFile(path) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def rebuilt(path, members):
    with zipfile.ZipFile(path, "w") as pack:
        for name, data in members.items():
            pack.writestr(name, data)
    return path


def pdf_text(data):
    reader = PdfReader(BytesIO(data))
    pages = [page.extract_text().removeprefix(f"{number}\n") for number, page in enumerate(reader.pages, 1)]
    return normalize("NFC", "\n".join([*pages, str(dict(reader.metadata))]))


def squeezed(text):
    return re.sub(r"\s+", "", text)
