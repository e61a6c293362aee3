"""Manifests, caches, augmentation and batches."""

from tympan.data.manifest import Utterance, read_manifest, write_manifest

__all__ = ["Utterance", "read_manifest", "write_manifest"]
