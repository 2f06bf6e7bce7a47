/** Chat templates of the two common families, and a checkpoint that has them. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixture, setFields } from "../../../../support/checkpoints.js";

/** Every message between marks. */
export const chatMl =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** Turns of two, the system's words in front of the first; refuses what does not alternate. */
export const llama = `{% if messages[0]['role'] == 'system' %}
    {% set turns = messages[1:] %}
    {% set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}
{% else %}
    {% set turns = messages %}
    {% set system = '' %}
{% endif %}
{% for message in turns %}
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}
    {% endif %}
    {% if message['role'] == 'user' %}
        {{- bos_token + '[INST] ' + (system if loop.first else '') + message['content'] | trim + ' [/INST]' -}}
    {% else %}
        {{- ' ' + message['content'] | trim + ' ' + eos_token -}}
    {% endif %}
{% endfor %}`;

/** The prompt is what the last message says. */
export const bare = "{{ messages[-1]['content'] }}";

/** A copy of the fixture, `micro-chat`, with other fields in `tokenizer_config.json`; the caller removes it. */
export async function chatCheckpoint(
  fields: Readonly<Record<string, unknown>>,
): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), "ortler-chat-"));
  const folder = join(parent, "micro-chat");
  await cp(fixture("micro-gpt2"), folder, { recursive: true });
  await setFields(folder, "tokenizer_config.json", fields);
  return { folder, remove: async () => rm(parent, { recursive: true, force: true }) };
}
