/**
 * The fields of a `multipart/form-data` body (RFC 7578), which is in memory as a whole, in their order. A file counts as
 * a field with its content.
 * @returns undefined when the body is no such form.
 */
export function readForm(body: Buffer, contentType: string): [name: string, value: string][] | undefined {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) return undefined;
  // One character for each byte, so that no boundary is missed; the line break before the first one is optional.
  const [, ...parts] = `\r\n${body.toString("latin1")}`.split(`\r\n--${boundary}`);
  if (parts.pop()?.startsWith("--") !== true) return undefined;
  const fields = parts.flatMap((part) => readField(part) ?? []);
  return fields.length === parts.length ? fields.map(({ name, value }) => [toText(name), toText(value)]) : undefined;
}

/** A part: the rest of the boundary's line, headers, an empty line, the content. */
function readField(part: string): { readonly name: string; readonly value: string } | undefined {
  const end = part.indexOf("\r\n\r\n");
  const [, name] = /\r\ncontent-disposition: *form-data *;(?:.*;)? *name="([^"]*)"/i.exec(part.slice(0, end)) ?? [];
  return end === -1 || name === undefined ? undefined : { name, value: part.slice(end + 4) };
}

function toText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}
