/** Python's `strftime` in the C locale and in local time, for templates that say what day it is. */

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

const padded = (value: number, width = 2): string => String(value).padStart(width, "0");
const nameIn = (names: readonly string[], index: number): string => names[index] ?? "";
const hour12 = (date: Date): number => date.getHours() % 12 || 12;

const directives: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => nameIn(days, date.getDay()).slice(0, 3),
  A: (date) => nameIn(days, date.getDay()),
  b: (date) => nameIn(months, date.getMonth()).slice(0, 3),
  B: (date) => nameIn(months, date.getMonth()),
  d: (date) => padded(date.getDate()),
  H: (date) => padded(date.getHours()),
  I: (date) => padded(hour12(date)),
  m: (date) => padded(date.getMonth() + 1),
  M: (date) => padded(date.getMinutes()),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  S: (date) => padded(date.getSeconds()),
  y: (date) => padded(date.getFullYear() % 100),
  Y: (date) => padded(date.getFullYear(), 4),
  "%": () => "%",
};

/** Directives that templates have no use for (week numbers, time zones) stay as they are. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(.)/gs, (directive, name: string) => directives[name]?.(date) ?? directive);
}
