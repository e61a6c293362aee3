"""From files to tar shards, which are copied, moved and read from far discs faster than a hundred thousand files are.

A layout is one file here with one class (`Layout`): where recordings lie in the shards, and what stands beside them.
"""

from __future__ import annotations

from tympan.data.sharding.layout import Layout, Packed
from tympan.data.sharding.shar import Shar
from tympan.data.sharding.webdataset import WebDataset
from tympan.data.sharding.writing import LAYOUTS, SHARDS, Written, parse_size, shard

__all__ = ["LAYOUTS", "Layout", "Packed", "SHARDS", "Shar", "WebDataset", "Written", "parse_size", "shard"]
