"""The door: what a recipe's `augment` section does to one utterance."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan.data.augment.codec import check_codecs
from tympan.data.augment.nonspeech import make_nonspeech
from tympan.data.augment.recipe import AugmentRecipe
from tympan.data.augment.recordings import Recordings, Samples
from tympan.data.augment.scene import Scene
from tympan.errors import ManifestError

NOTHING = AugmentRecipe(spec=None)
WITH_MANIFESTS = ("rooms", "babble", "noise")


@dataclass(frozen=True)
class Augmenter:
    """Changes utterances as a recipe says; the default changes nothing.

        samples = augmenter.change_samples(samples, rng)
        features = normalization(extractor(samples))
        features = augmenter.change_features(features, rng)

    What happens depends on the arguments alone: call it with a generator made of (seed, epoch, utterance), and an utterance
    sounds the same in every process and after every resume. Each further call with the same generator is another view of the
    utterance, independent of the first. A member draws from a generator of its own: switching one on or off changes nothing
    about what the others draw.

    Attributes:
        recipe: the section.
        sample_rate: of the samples, Hz.
        recordings: what rooms, babble and noise draw from.
    """

    recipe: AugmentRecipe = NOTHING
    sample_rate: int = 16_000
    recordings: Mapping[str, Recordings] = field(default_factory=dict)

    @classmethod
    def open(cls, recipe: AugmentRecipe, sample_rate: int, open_manifest: Callable[[Path, str], Recordings]) -> Augmenter:
        """Build from a recipe's section.

        Args:
            open_manifest: from the path of a manifest and the member's name to its recordings at `sample_rate`.

        Raises:
            ManifestError: a manifest cannot be read or has nothing to draw from.
            RecipeError: a codec that is not there.
        """
        if recipe.codec is not None:
            check_codecs(recipe.codec.codecs)
        recordings = {}
        for name in WITH_MANIFESTS:
            manifest = getattr(getattr(recipe, name), "manifest", None)
            if manifest is not None:
                recordings[name] = open_manifest(manifest, name)
                if not len(recordings[name]):
                    raise ManifestError(f"The manifest {manifest} of augment.{name} holds no recording with sound.")
        return cls(recipe, sample_rate, recordings)

    def with_talkers(self, talkers: Recordings) -> Augmenter:
        """The same, with these utterances behind the speaker where `babble` names no manifest."""
        if self.recipe.babble is None or self.recipe.babble.manifest is not None:
            return self
        return replace(self, recordings={**self.recordings, "babble": talkers})

    @property
    def nonspeech(self) -> float:
        """Share of extra utterances without speech."""
        return self.recipe.nonspeech.share if self.recipe.nonspeech is not None else 0.0

    def change_samples(self, samples: Samples, rng: np.random.Generator, drawn: list[str] | None = None) -> Samples:
        """Change an utterance; only `speed` and `pauses` change its length.

        Args:
            samples: (N,) float32 in [-1, 1], left as they are; N may be 0.
            rng: exactly one number is taken from it.
            drawn: gets a phrase for each change, e.g. "noise 12 dB (rain-3)".

        Returns:
            (N',) float32, finite; N' = 0 only if N is. It may exceed full scale, as noise was added.
        """
        base = int(rng.integers(2**63))
        scene = Scene(self.sample_rate, self.recordings, samples)
        for name, member in self.recipe.sound_members().items() if len(samples) else ():
            own = np.random.default_rng([base, zlib.crc32(name.encode())])
            if own.random() < member.probability:
                samples, phrase = member.change(samples, own, scene)
                if drawn is not None and phrase:
                    drawn.append(phrase)
        return samples

    def change_features(
        self, features: npt.NDArray[np.float32], rng: np.random.Generator, drawn: list[str] | None = None
    ) -> npt.NDArray[np.float32]:
        """Hide parts of normalised features (T, F), which are left as they are; returns (T, F)."""
        spec = self.recipe.spec
        if spec is None or rng.random() >= spec.probability:
            return features
        features, phrase = spec.mask(features, rng)
        if drawn is not None:
            drawn.append(phrase)
        return features

    def make_nonspeech(self, rng: np.random.Generator) -> Samples:
        """(N,) float32: one to six seconds in which nobody speaks, of the recipe's noises too."""
        return make_nonspeech(self.recordings.get("noise"), self.sample_rate, rng)
