/** One server-sent event. */
export interface ServerSentEvent {
  /** `message` when the stream does not say. */
  readonly event: string;
  readonly data: string;
}

/**
 * Reads server-sent events from bytes that come in pieces of any size (WHATWG HTML, 9.2). Comments are skipped, and so
 * are fields that no API here sends.
 */
export class EventReader {
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });
  #text = "";
  #event = "message";
  #data: string[] = [];

  /** Whether nothing is left over: a stream ends behind the blank line of its last event. */
  get isAtEvent(): boolean {
    return this.#text === "" && this.#data.length === 0;
  }

  /**
   * The events that these bytes complete.
   * @throws {TypeError} when they are no UTF-8.
   */
  push(bytes: Uint8Array): ServerSentEvent[] {
    this.#text += this.#utf8.decode(bytes, { stream: true });
    const lines = this.#text.split(/\r\n|\n|\r(?!$)/); // a return at the end may have its line feed to come
    this.#text = lines.pop() ?? "";
    return lines.flatMap((line) => this.#readLine(line));
  }

  #readLine(line: string): ServerSentEvent[] {
    const [, name, value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === "event") this.#event = value;
    if (name === "data") this.#data.push(value);
    if (line !== "" || this.#data.length === 0) return [];
    const event = { event: this.#event, data: this.#data.join("\n") };
    this.#event = "message";
    this.#data = [];
    return [event];
  }
}

/**
 * All events of a stream.
 * @throws {Error} when it ends inside one.
 */
export function readEvents(body: string): ServerSentEvent[] {
  const reader = new EventReader();
  const events = reader.push(Buffer.from(body));
  if (!reader.isAtEvent) throw new Error("the stream ends inside an event");
  return events;
}
