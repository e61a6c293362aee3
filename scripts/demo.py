"""Transcribe the sample clips with the installed `tympan` and print what was said beside what was heard."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run `tympan transcribe` on each line of samples/manifest.jsonl; return the exit code of the first that fails, else 0."""
    tympan = Path(sys.executable).parent / "tympan"
    for line in (ROOT / "samples" / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        utterance = json.loads(line)
        clip = f"samples/{utterance['audio_filepath']}"
        print(f"$ tympan transcribe {clip}", flush=True)
        result = subprocess.run([tympan, "transcribe", clip], cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
        if result.returncode != 0:
            return result.returncode
        print(f"  said:  {utterance['text']}\n  heard: {result.stdout.strip()}\n", flush=True)
    print("Your own recording:  make demo AUDIO=my.wav")
    return 0


if __name__ == "__main__":
    sys.exit(main())
