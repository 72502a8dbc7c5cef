"""What others wrote is shipped unchanged, with its licence."""

import hashlib

from bongsu.web.app import STATIC


def test_vendored_files_are_as_published() -> None:
    for sums in STATIC.glob("*/SHA256SUMS"):
        for line in sums.read_text().splitlines():
            if line.startswith("#"):
                continue
            digest, name = line.split()
            assert hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() == digest, name
        assert (sums.parent / "LICENSE").exists()
