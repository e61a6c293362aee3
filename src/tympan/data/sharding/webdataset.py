"""WebDataset: key.opus and key.json behind each other in shard-000000.tar.

Source: webdataset/webdataset, README.md: files of one basename, up to its first point, are one sample.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tympan.data.sharding.layout import Packed


class WebDataset:
    """The JSON is the manifest's line without the path."""

    name = "wds"

    def archive(self, number: int) -> str:
        """See `Layout`."""
        return f"shard-{number:06d}.tar"

    def beside(self, packed: Packed) -> bytes:
        """See `Layout`."""
        return json.dumps(packed.fields, ensure_ascii=False).encode()

    def lists(self, number: int, members: Sequence[Packed]) -> dict[str, bytes]:
        """None: all is in the archive."""
        return {}
