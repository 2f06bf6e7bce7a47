import { expect, test } from "vitest";
import { readForm } from "../../../../src/api/http/caikit/form.js";

const type = "multipart/form-data; boundary=b";
const field = (name: string, value: string): string => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`;

test("what fetch sends is read", async () => {
  const sent = new FormData();
  sent.append("inputs", 'dégrees\r\n--\r\n数学 🚀 "b"');
  sent.append("empty", "");
  sent.append("é", "1");
  sent.append("file", new Blob(["text"]), "name.txt");
  const response = new Response(sent);
  const body = Buffer.from(await response.arrayBuffer());
  expect(readForm(body, response.headers.get("content-type") ?? "")).toEqual([
    ["inputs", 'dégrees\r\n--\r\n数学 🚀 "b"'],
    ["empty", ""],
    ["é", "1"],
    ["file", "text"],
  ]);
});

test("a preamble, an epilogue, other headers, and a quoted boundary are all right", () => {
  const part = `content-type: text/plain\r\ncontent-disposition: form-data; filename="name"; name="a"\r\n\r\nb`;
  const body = Buffer.from(`preamble\r\n--b c \r\n${part}\r\n--b c--\r\nepilogue`);
  expect(readForm(body, 'multipart/form-data; boundary="b c"; charset=utf-8')).toEqual([["a", "b"]]);
});

test("a form may have no field", () => expect(readForm(Buffer.from("--b--"), type)).toEqual([]));

test.each([
  ["no boundary in the type", "multipart/form-data", `--b\r\n${field("a", "1")}\r\n--b--`],
  ["empty", type, ""],
  ["not closed", type, `--b\r\n${field("a", "1")}\r\n`],
  ["a part without a name", type, "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"],
  ["a part without an empty line", type, `--b\r\nContent-Disposition: form-data; name="a"\r\n--b--`],
])("no form: %s", (_, contentType, body) => expect(readForm(Buffer.from(body), contentType)).toBeUndefined());
