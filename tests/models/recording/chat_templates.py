"""The chat formats of known families, written anew and compact, with the special tokens of each."""

from typing import NamedTuple


class Format(NamedTuple):
    template: str
    special: tuple[str, ...]
    bos: str = "<s>"


GO = "{%- if add_generation_prompt %}"

LLAMA3 = Format(
    """
{%- if messages[0].role == 'system' %}{% set system = messages[0].content | trim %}{% set messages = messages[1:] %}
{%- else %}{% set system = '' %}{% endif -%}
{{ bos_token + '<|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n' + system + '<|eot_id|>' }}
{%- for m in messages %}
    {{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}
{%- endfor %}
"""
    + GO
    + "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
)

LLAMA3_FIRST = Format(
    """
{%- set loop_messages = messages -%}
{%- for message in loop_messages -%}
{%- set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' -%}
{%- if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif -%}
{{- content -}}
{%- endfor -%}
"""
    + GO
    + "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    LLAMA3.special,
)

#: The system prompt goes into the last turn of the user.
MISTRAL = Format(
    """
{%- if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set talk = messages[1:] %}
{%- else %}{% set talk = messages %}{% endif -%}
{{- bos_token }}
{%- for message in talk %}
  {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
  {%- if message['role'] == 'user' %}
    {%- if loop.last and system is defined %}{{- '[INST] ' + system + '\n\n' + message['content'] + '[/INST]' }}
    {%- else %}{{- '[INST] ' + message['content'] + '[/INST]' }}{% endif %}
  {%- else %}{{- ' ' + message['content'] + eos_token }}{% endif %}
{%- endfor %}
""",
    ("[INST]", "[/INST]"),
)

QWEN3 = Format(
    """
{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}{% endif %}
{%- set ns = namespace(last=messages|length - 1, tool=true) %}
{%- for message in messages[::-1] %}
  {%- set index = (messages|length - 1) - loop.index0 %}
  {%- if ns.tool and message.role == 'user' and not (message.content.startswith('<tool_response>')
      and message.content.endswith('</tool_response>')) %}{% set ns.tool = false %}{% set ns.last = index %}{% endif %}
{%- endfor %}
{%- for message in messages %}
  {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
  {%- elif message.role == 'assistant' %}
    {%- set content = message.content %}{% set reasoning = '' %}
    {%- if '</think>' in content %}
      {%- set reasoning = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
      {%- set content = content.split('</think>')[-1].lstrip('\n') %}
    {%- endif %}
    {%- if loop.index0 > ns.last and (loop.last or reasoning) %}
      {{- '<|im_start|>assistant\n<think>\n' + reasoning.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
    {%- else %}{{- '<|im_start|>assistant\n' + content }}{% endif %}
    {{- '<|im_end|>\n' }}
  {%- elif message.role == 'tool' %}
    {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{% endif %}
    {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
    {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\n' }}{% endif %}
  {%- endif %}
{%- endfor %}
"""
    + GO
    + "{{- '<|im_start|>assistant\n' }}{% endif %}",
    ("<|im_start|>", "<|im_end|>"),
)

#: The system prompt goes into the first turn of the user; the assistant is called the model.
GEMMA3 = Format(
    """
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}{% set prefix = messages[0]['content'] + '\n\n' %}{% set talk = messages[1:] %}
{%- else %}{% set prefix = '' %}{% set talk = messages %}{% endif %}
{%- for message in talk %}
  {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
  {{- '<start_of_turn>' + role + '\n' + (prefix if loop.first else '') }}
  {%- if message['content'] is string %}{{- message['content'] | trim }}
  {%- else %}{% for item in message['content'] %}{{- item['text'] | trim }}{% endfor %}{% endif %}
  {{- '<end_of_turn>\n' }}
{%- endfor %}
"""
    + GO
    + "{{- '<start_of_turn>model\n' }}{% endif %}",
    ("<start_of_turn>", "<end_of_turn>"),
)

PHI3 = Format(
    """
{%- for message in messages %}
  {%- if message['role'] == 'system' %}{{- '<|system|>\n' + message['content'] + '<|end|>\n' }}
  {%- elif message['role'] == 'user' %}{{- '<|user|>\n' + message['content'] + '<|end|>\n' }}
  {%- elif message['role'] == 'assistant' %}{{- '<|assistant|>\n' + message['content'] + '<|end|>\n' }}{% endif %}
{%- endfor %}
"""
    + GO
    + "{{- '<|assistant|>\n' }}{% else %}{{- eos_token }}{% endif %}",
    ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
)

#: The first version: the user's turn opens that of the assistant.
PHI3_FIRST = Format(
    """
{{- bos_token }}
{%- for message in messages %}
  {%- if message['role'] == 'user' %}{{- '<|user|>\n' + message['content'] + '<|end|>\n<|assistant|>\n' }}
  {%- elif message['role'] == 'assistant' %}{{- message['content'] + '<|end|>\n' }}{% endif %}
{%- endfor %}
""",
    PHI3.special,
)

DEEPSEEK_R1 = Format(
    """
{%- set ns = namespace(system='') -%}
{%- for message in messages %}{% if message['role'] == 'system' %}{% set ns.system = message['content'] %}{% endif %}{% endfor -%}
{{ bos_token }}{{ ns.system }}
{%- for message in messages %}
  {%- if message['role'] == 'user' %}{{- '<｜User｜>' + message['content'] }}{% endif %}
  {%- if message['role'] == 'assistant' %}
    {%- set content = message['content'] %}
    {%- if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}
    {{- '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}
  {%- endif %}
{%- endfor -%}
"""
    + GO
    + "{{- '<｜Assistant｜><think>\n' }}{% endif %}",
    ("<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
)

SMOLLM3 = Format(
    """
{%- set mode = '/think' %}
{%- if messages[0].role == 'system' %}
  {%- set system = messages[0].content %}
  {%- if '/no_think' in system %}{% set mode = '/no_think' %}{% endif %}
  {%- set custom = system.replace('/no_think', '').replace('/think', '').rstrip() %}
{%- endif -%}
{{- '<|im_start|>system\n## Metadata\n\nReasoning Mode: ' + mode + '\n\n## Custom Instructions\n\n' }}
{%- if custom %}{{- custom + '\n\n' }}{% else %}{{- 'You are a helpful AI assistant named SmolLM.\n\n' }}{% endif %}
{{- '<|im_end|>\n' }}
{%- for message in messages %}
  {%- if message.role == 'user' %}{{- '<|im_start|>user\n' + message.content + '<|im_end|>\n' }}
  {%- elif message.role == 'assistant' %}
    {% generation %}
    {%- if mode == '/think' %}{{- '<|im_start|>assistant\n' + message.content.lstrip('\n') + '<|im_end|>\n' }}
    {%- else %}{{- '<|im_start|>assistant\n<think>\n\n</think>\n' + message.content.lstrip('\n') + '<|im_end|>\n' }}{% endif %}
    {% endgeneration %}
  {%- endif %}
{%- endfor %}
"""
    + GO
    + "{{- '<|im_start|>assistant\n' }}{% endif %}",
    ("<|im_start|>", "<|im_end|>"),
)

GPT_OSS = Format(
    """
{%- macro own() %}{{- 'You are ChatGPT, a large language model.\nReasoning: medium\n\n' }}
{{- '# Valid channels: analysis, commentary, final.' }}{% endmacro -%}
{%- set system %}{{- own() }}{% endset -%}
{{- '<|start|>system<|message|>' + system + '<|end|>' }}
{%- if messages[0].role in ['developer', 'system'] %}{% set developer = messages[0].content %}{% set talk = messages[1:] %}
{%- else %}{% set developer = '' %}{% set talk = messages %}{% endif %}
{%- if developer %}{{- '<|start|>developer<|message|># Instructions\n\n' + developer + '\n\n<|end|>' }}{% endif %}
{%- for message in talk -%}
  {%- if message.role == 'assistant' %}
    {%- if '<|channel|>' in message.content %}{{ raise_exception('no channels in a content') }}{% endif %}
    {%- if loop.last and not add_generation_prompt %}
      {{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|return|>' }}
    {%- else %}{{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' }}{% endif %}
  {%- elif message.role == 'user' %}{{- '<|start|>user<|message|>' + message.content + '<|end|>' }}{% endif %}
{%- endfor -%}
"""
    + GO
    + "{{- '<|start|>assistant' }}{% endif %}",
    ("<|start|>", "<|message|>", "<|end|>", "<|channel|>", "<|return|>"),
)

COMMAND_R = Format(
    """
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}{% set talk = messages[1:] %}{% set system = messages[0]['content'] %}
{%- else %}{% set talk = messages %}{% set system = false %}{% endif %}
{%- if system != false %}{{- '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + system + '<|END_OF_TURN_TOKEN|>' }}{% endif %}
{%- for message in talk %}
  {%- set content = message['content'] %}
  {%- if message['role'] == 'user' %}
    {{- '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}
  {%- elif message['role'] == 'assistant' %}
    {{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}
  {%- endif %}
{%- endfor %}
"""
    + GO
    + "{{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}",
    ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
)

GRANITE = Format(
    """
{%- if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set talk = messages[1:] %}
{%- else %}{% set system = 'You are Granite, an AI assistant.' %}{% set talk = messages %}{% endif -%}
{{- '<|start_of_role|>system<|end_of_role|>' + system + '<|end_of_text|>\n' }}
{%- for message in talk %}
  {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\n' }}
  {%- if loop.last and add_generation_prompt %}{{- '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}
{%- endfor %}
""",
    ("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),
)

#: With the default system prompt that Qwen 2 and SmolLM2 write in the first pass of the loop.
CHATML = Format(
    """
{%- for message in messages %}
  {%- if loop.first and messages[0]['role'] != 'system' %}
    {{- '<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n' }}
  {%- endif %}
  {{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}
{%- endfor %}
"""
    + GO
    + "{{- '<|im_start|>assistant\n' }}{% endif %}",
    ("<|im_start|>", "<|im_end|>"),
)

ZEPHYR = Format(
    """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\n' + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    (),
)

#: Passes through numbers, not through messages.
BY_NUMBER = Format(
    """
{%- for i in range(messages | length) %}
  {{- '<|im_start|>' + messages[i].role + '\n' + messages[i].content + '<|im_end|>\n' }}
{%- endfor %}
"""
    + GO
    + "{{- '<|im_start|>assistant\n' }}{% endif %}",
    ("<|im_start|>", "<|im_end|>"),
)

#: The system prompt has marks of its own, and no mark opens all turns.
MISTRAL_V7 = Format(
    """
{{- bos_token }}
{%- if messages[0].role == 'system' %}{{- '[SYSTEM_PROMPT]' + messages[0].content + '[/SYSTEM_PROMPT]' }}
{%- set messages = messages[1:] %}{% else %}{{- '[SYSTEM_PROMPT]You are Mistral.[/SYSTEM_PROMPT]' }}{% endif %}
{%- for message in messages %}
  {%- if message.role == 'user' %}{{- '[INST]' + message.content + '[/INST]' }}
  {%- else %}{{- message.content + eos_token }}{% endif %}
{%- endfor %}
""",
    ("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
)
