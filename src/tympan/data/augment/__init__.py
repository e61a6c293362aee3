"""Changes of the training audio: one file a member, one section of the recipe for all, one door to use them.

The members are the fields of `AugmentRecipe`, in the order in which they are applied. Each changes samples (`SoundMember`) but
`spec`, which hides parts of features, `nonspeech`, which makes utterances of its own, and `joined`, which makes one of several.
"""

from tympan.data.augment.augmenter import Augmenter
from tympan.data.augment.recipe import ORDER, AugmentRecipe
from tympan.data.augment.recordings import CachedRecordings, Files, Recordings
from tympan.data.augment.scene import Scene, SoundMember

__all__ = ["AugmentRecipe", "Augmenter", "CachedRecordings", "Files", "ORDER", "Recordings", "Scene", "SoundMember"]
