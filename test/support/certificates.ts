/** Certificates for tests, written as X.509 prescribes (RFC 5280, in DER): no program and no package is needed. */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

/** A certificate and its key in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** The certificate that those issued by it are verified with. */
  readonly cert: string;
  /** A certificate for `localhost` and 127.0.0.1, by default from yesterday to tomorrow. */
  issue(name: string, validity?: Validity): Identity;
}

/** In days from now. */
interface Validity {
  readonly from: number;
  readonly to: number;
}

const aDay = { from: -1, to: 1 };

export function createAuthority(name: string): Authority {
  const own = createKeys();
  const certify = (subject: string, publicKey: KeyObject, validity: Validity, isAuthority: boolean): string =>
    toPem(
      "CERTIFICATE",
      certificate({ issuer: name, subject, publicKey, signer: own.privateKey, validity, isAuthority }),
    );
  return {
    cert: certify(name, own.publicKey, aDay, true),
    issue: (subject, validity = aDay) => {
      const { publicKey, privateKey } = createKeys();
      return {
        cert: certify(subject, publicKey, validity, false),
        key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      };
    },
  };
}

function createKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

interface Contents {
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly validity: Validity;
  readonly isAuthority: boolean;
}

let serial = 1;

function certificate({ issuer, subject, publicKey, signer, validity, isAuthority }: Contents): Buffer {
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.of(serial++ & 0x7f)),
    ecdsaWithSha256,
    distinguishedName(issuer),
    sequence(utcTime(validity.from), utcTime(validity.to)),
    distinguishedName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(basicConstraints(isAuthority), subjectAltName)),
  );
  return sequence(toBeSigned, ecdsaWithSha256, der(0x03, Buffer.of(0), sign("sha256", toBeSigned, signer)));
}

/** Tag, length, contents. */
function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag, ...derLength(body.length)), body]);
}

/** In as few bytes as possible: DER allows no other way, and Go's parser insists. */
function derLength(length: number): number[] {
  if (length < 128) return [length];
  return length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(commonName)))));
}

function utcTime(daysFromNow: number): Buffer {
  const time = new Date(Date.now() + daysFromNow * 86_400_000).toISOString();
  return der(0x17, Buffer.from(`${time.slice(2, 19).replace(/\D/g, "")}Z`));
}

function basicConstraints(isAuthority: boolean): Buffer {
  const value = sequence(...(isAuthority ? [der(0x01, Buffer.of(0xff))] : []));
  return sequence(oid("551d13"), der(0x01, Buffer.of(0xff)), der(0x04, value));
}

const subjectAltName = sequence(
  oid("551d11"),
  der(0x04, sequence(der(0x82, Buffer.from("localhost")), der(0x87, Buffer.of(127, 0, 0, 1)))),
);

function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
