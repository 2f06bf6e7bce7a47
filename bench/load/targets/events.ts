/**
 * Reads server-sent events as the APIs of text generation send them: one `data` field an event
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 */
export class EventReader {
  #rest = "";

  constructor(private readonly onEvent: (data: string) => void) {}

  /** @param text the next piece of the stream, cut anywhere. */
  read(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? ""; // a line without its end
    for (const line of lines) {
      const [, data] = /^data: ?(.*)$/.exec(line) ?? [];
      if (data !== undefined) this.onEvent(data);
    }
  }
}
