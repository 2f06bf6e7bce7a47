interface Named {
  readonly target: { readonly name: string };
  readonly phase: { readonly label: string };
}

/** What tells a measurement from the others of its report. */
export function nameOf({ target, phase }: Named): string {
  return phase.label === "" ? target.name : `${target.name}, ${phase.label}`;
}
