"""For schemathesis: what the document cannot say in a schema, a recording and words that the model can spell."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

from serving import wav
from streams import WORDS, said

schemathesis.openapi.format("binary", st.sampled_from([wav(said("bad")), wav(said("cab fed"))]))


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """A prompt of words that the model can spell for one of any; which words those are is no matter of a schema.

    And the fields that `nbest` needs: the document says so, but what is generated rarely has them all.
    """
    if isinstance(body, dict) and isinstance(body.get("prompt"), str):
        body = {**body, "prompt": ", ".join(WORDS[: len(body["prompt"]) % len(WORDS)])}
    if isinstance(body, dict) and body.get("nbest"):
        body = {**body, "response_format": "verbose_json", "stream": "false", "timestamp_granularities[]": ["segment"]}
    return body
