"""Chat templates of the kinds that published models have, by what they make of a system turn."""

from __future__ import annotations

_PARTS = (
    "{% for message in messages %}<{{ message['role'] }}>{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}</{{ message['role'] }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)

AS_REPR = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set told = messages[0]['content']|trim %}"
    "{% set messages = messages[1:] %}{% else %}{% set told = '' %}{% endif %}<system>{{ told }}</system>" + _PARTS
)
"""Llama-3.2-Vision's: the content is taken for a string, so a list of parts is printed as Python would."""

RAISES = (
    "{{ bos_token }}{% set ns = namespace(seen=false) %}{% for message in messages %}"
    "{% if message['content'] is not string %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{% set ns.seen = true %}{% endif %}{% endfor %}{% endif %}{% endfor %}"
    "{% if ns.seen and messages[0]['role'] == 'system' %}"
    "{{ raise_exception('Prompting with images is incompatible with system messages.') }}{% endif %}" + _PARTS
)
"""Its first one, of 2024."""

LEAVES_OUT = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role']|upper }}: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE\n{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }} {% endif %}{% endfor %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""Of those that know two roles; without BOS, as LLaVA-1.5's."""

WHOLE = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role']|upper }}: {% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE\n{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""LLaVA-1.5's: a list of parts comes through, without BOS."""

TRIMMED = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'][0]['text']|trim %}"
    "{% set messages = messages[1:] %}{% else %}{% set first = '' %}{% endif %}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "<{{ message['role'] }}>{% if loop.first %}{{ first }}\n\n{% endif %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text']|trim }}{% endif %}{% endfor %}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
"""Gemma's: the instruction opens the first user's turn, and turns alternate."""

NEVER = "{{ raise_exception('Conversation roles must alternate\nuser/assistant/...') }}"
NO_TEXT = "{% for message in messages %}{{ message['role'] + message['content'] }}{% endfor %}"
"""Of a text model: it joins a string and a list, which Python refuses with a TypeError."""
BROKEN = "{% for message in messages %}"
