/**
 * What answers now. The model may be swapped at any time, so a request asks once, in the turn of the event loop in which
 * it begins to generate, and works with what it got to its end: no answer is made by two models.
 */
export type Current<T> = () => T;
