"""The recipe's `augment` section: one grammar for all members.

Each member is a section with `probability`, its share of utterances, and ranges [lowest, highest] from which a value is drawn
evenly; a section that is left out, or is null, changes nothing. SpecAugment alone is on by default.
"""

from __future__ import annotations

from tympan.data.augment.babble import Babble
from tympan.data.augment.codec import Codec
from tympan.data.augment.dropped import Dropped
from tympan.data.augment.equalizer import Equalizer
from tympan.data.augment.joined import Joined
from tympan.data.augment.noise import Noise
from tympan.data.augment.nonspeech import Nonspeech
from tympan.data.augment.pauses import Pauses
from tympan.data.augment.rooms import Rooms
from tympan.data.augment.scene import SoundMember
from tympan.data.augment.section import Section
from tympan.data.augment.spec import SpecAugment
from tympan.data.augment.speed import Speed
from tympan.data.augment.telephone import Telephone
from tympan.data.augment.vocal_tract import VocalTract
from tympan.data.augment.volume import Volume


class AugmentRecipe(Section):
    """Changes of the training audio, in the order in which they happen; validation hears it as it is."""

    joined: Joined | None = None
    speed: Speed | None = None
    vocal_tract: VocalTract | None = None
    pauses: Pauses | None = None
    rooms: Rooms | None = None
    babble: Babble | None = None
    noise: Noise | None = None
    equalizer: Equalizer | None = None
    volume: Volume | None = None
    telephone: Telephone | None = None
    codec: Codec | None = None
    dropped: Dropped | None = None
    nonspeech: Nonspeech | None = None
    spec: SpecAugment | None = SpecAugment()

    def sound_members(self) -> dict[str, SoundMember]:
        """The sections that change samples, by name, in the order from the speaker's mouth to the far end of the line."""
        return {name: member for name in ORDER if (member := getattr(self, name)) is not None}


ORDER = ("speed", "vocal_tract", "pauses", "rooms", "babble", "noise", "equalizer", "volume", "telephone", "codec", "dropped")
