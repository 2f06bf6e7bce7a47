import { describe, expect, test, vi } from "vitest";
import { readChatBody } from "../../../../../src/api/http/openai/chat/chat-body.js";
import { CompiledTemplate } from "../../../../../src/api/http/openai/chat/compiled-template.js";
import { renderPrompt } from "../../../../../src/api/http/openai/chat/prompt.js";
import { chatMl, llama } from "./templates.js";

const specialTokens = { bos_token: "<s>", eos_token: "</s>" };
const user = (content: unknown) => ({ role: "user", content });

const render = (source: string, messages: unknown, fields: object = {}): string =>
  renderPrompt(readChatBody({ messages, ...fields }), new CompiledTemplate(source), specialTokens);

const conversation = [
  { role: "system", content: "Be brief." },
  user(" Hi "),
  { role: "assistant", content: "Hello." },
  user("Bye"),
];

describe("a conversation", () => {
  test("is put between ChatML's marks, with the assistant's turn begun", () => {
    expect(render(chatMl, conversation)).toBe(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n" +
        "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  test("is left as it is without a generation prompt", () => {
    expect(render(chatMl, [user("Hi")], { add_generation_prompt: false })).toBe("<|im_start|>user\nHi<|im_end|>\n");
  });

  test("has Llama's special tokens, and lines of the template's own leave no trace", () => {
    expect(render(llama, conversation)).toBe(
      "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] Bye [/INST]",
    );
  });

  test("that the template refuses is the caller's mistake, in the template's words", () => {
    expect(() => render(llama, [user("Hi"), user("Hi")])).toThrow(
      expect.objectContaining({ status: 400, message: "Roles must alternate user/assistant/user/assistant/..." }),
    );
  });

  test("that the template fails on is told with the reason", () => {
    const source = "{% for part in messages[0]['content'] %}{{ part }}{% endfor %}";
    expect(() => render(source, [user("Hi")])).toThrow(
      /^the chat template fails on this conversation: Expected iterable/,
    );
  });
});

describe("a message", () => {
  test("of several text parts is lines of one text", () => {
    const parts = [
      { type: "text", text: "one" },
      { type: "text", text: "two" },
    ];
    expect(render("{{ messages[0].content }}", [user(parts)])).toBe("one\ntwo");
  });

  test("of the developer is the system's for a template that knows no developer", () => {
    const messages = [{ role: "developer", content: "Hi" }];
    expect(render("{{ messages[0].role }}", messages)).toBe("system");
    const knows = "{% if messages[0].role == 'developer' %}{{ messages[0].role }}{% endif %}";
    expect(render(knows, messages)).toBe("developer");
  });

  test("keeps its name, its calls with their arguments parsed, and what it answers", () => {
    const call = { id: "c1", type: "function", function: { name: "f", arguments: '{"x": [1, "é"]}' } };
    const messages = [
      { role: "user", content: "Hi", name: "Ann" },
      { role: "assistant", tool_calls: [call] },
      { role: "tool", content: "4", tool_call_id: "c1" },
    ];
    const source =
      "{{ messages[0].name }} {{ messages[1].content }}{{ messages[1].tool_calls[0].function.arguments | tojson }} " +
      "{{ messages[2].tool_call_id }} {{ messages[0].tool_calls is defined }}";
    expect(render(source, messages)).toBe('Ann {"x": [1, "é"]} c1 false');
  });
});

describe("continue_final_message", () => {
  const continued = (source: string, content: string): string =>
    render(source, [user("Hi"), { role: "assistant", content }], { continue_final_message: true });

  test("ends the prompt where the final message ends", () => {
    const start = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    expect(continued(chatMl, "Once upon")).toBe(`${start}Once upon`);
    expect(continued(chatMl, "Once upon ")).toBe(`${start}Once upon `);
  });

  test("leaves no space at the end for a template that trims", () => {
    expect(continued("{{ messages[-1].content | trim }}{{ eos_token }}", "Once upon ")).toBe("Once upon");
  });

  test("is refused when the template leaves the final message out", () => {
    expect(() => continued("{{ messages[0].content }}", "Once")).toThrow(
      "continue_final_message: the chat template leaves the final message out",
    );
  });
});

describe("a template", () => {
  test("knows transformers' variables", () => {
    const source =
      "{{ bos_token }}{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ pad_token is defined }}";
    expect(render(source, [user("Hi")])).toBe("<s>truetruetruefalse");
  });

  test("gets the tools that the model is to know of, in Python's JSON", () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const prompt = render("{{ tools | tojson }}", [user("Hi")], { tools, tool_choice: "none" });
    expect(prompt).toBe('[{"type": "function", "function": {"name": "f"}}]');
  });

  test("gets the request's own variables, which replace special tokens and nothing else", () => {
    const fields = { chat_template_kwargs: { enable_thinking: false, bos_token: "B", messages: [] } };
    expect(render("{{ enable_thinking }}{{ bos_token }}{{ messages[0].content }}", [user("Hi")], fields)).toBe(
      "falseBHi",
    );
  });

  test("knows what day it is, in Python's words", () => {
    vi.useFakeTimers({ now: new Date(2024, 1, 3, 15, 4, 5) });
    try {
      const source = "{{ strftime_now('%d %b %Y|%A, %B %d|%a %H:%M:%S|%I %p|%m/%y|100%%|%Z') }}";
      expect(render(source, [user("Hi")])).toBe("03 Feb 2024|Saturday, February 03|Sat 15:04:05|03 PM|02/24|100%|%Z");
    } finally {
      vi.useRealTimers();
    }
  });

  test("may mark what the assistant wrote for training", () => {
    const source = "{% for m in messages %}{%- generation -%} {{ m.content }} {%- endgeneration %}.{% endfor %}";
    expect(render(source, [user("a"), user("b")])).toBe("a.b.");
  });

  test("may leave a loop early, and loop over a range as Python does", () => {
    const source =
      "{% for i in range(9, 0, -3) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}{{ range(2) }}";
    expect(render(source, [user("Hi")])).toBe("96[0, 1]");
  });

  test("that does not end is ended, and so is one whose range is beyond all bounds", () => {
    const loops = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
    expect(() => render(loops, [user("Hi")])).toThrow("it takes longer than 500 ms");
    const huge = "{% for i in range(100001) %}{% endfor %}";
    expect(() => render(huge, [user("Hi")])).toThrow("a range has at most 100000 items, got 100001");
  });
});
