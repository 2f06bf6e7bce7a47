/** How Python writes values, to the byte: clients and tests of the contract compare answers as text. */

/** `json.dumps` of a string: everything outside printable ASCII is escaped. */
export function jsonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${hex(unit, 4)}`);
}

/** `json.dumps` of a float: its repr, but `Infinity` and the bare word `NaN`. */
export function jsonFloat(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  if (!Number.isFinite(value)) return String(value);
  if (size >= 1e-4 && size < 1e16) return Number.isInteger(value) ? `${value}.0` : String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2"); // at least two digits of exponent
}

/** `repr` of a string. */
export function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\p{C}\p{Z}\\'"]/gu, (char) => reprChar(char, quote));
  return `${quote}${escaped}${quote}`;
}

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", " ": " " };

/** Separators and what Unicode gives no shape to are not printable to Python. */
function reprChar(char: string, quote: string): string {
  if (char === "'" || char === '"') return char === quote ? `\\${char}` : char;
  const name = named[char];
  if (name !== undefined) return name;
  const code = char.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(char, 2)}`;
  return code <= 0xffff ? `\\u${hex(char, 4)}` : `\\U${hex(char, 8)}`;
}

function hex(char: string, digits: number): string {
  return (char.codePointAt(0) ?? 0).toString(16).padStart(digits, "0");
}
