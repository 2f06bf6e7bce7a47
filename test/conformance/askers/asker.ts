import type { Clients } from "../table.js";

/** What may be asked of a generation through any API. */
export interface Asked {
  readonly prompt: string;
  readonly maxTokens: number;
  /** Absent = greedy. Fractions must be exact in float32, in which some APIs send them. */
  readonly sampling?: {
    readonly temperature: number;
    readonly topP: number;
    readonly seed: number;
    /** From here on not in OpenAI's API. */
    readonly topK?: number;
    readonly typicalP?: number;
    readonly repetitionPenalty?: number;
  };
}

export interface Answer {
  readonly text: string;
  /** Undefined when the API does not tell it. */
  readonly promptTokens: number | undefined;
  readonly completionTokens: number;
}

/** One API in one of its forms. */
export interface Asker {
  readonly name: string;
  readonly ask: (clients: Clients, asked: Asked) => Promise<Answer>;
}
