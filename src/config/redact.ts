/** The text of a setting without what may be secret in it: the user and the query of a URL. Other texts as they are. */
export function redactUri(text: string): string {
  return text
    .replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/?#]*@/s, "$1****@")
    .replace(/^(https?:\/\/[^?#]*)[?#].*$/is, "$1?****");
}
