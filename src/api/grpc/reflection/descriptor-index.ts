import { clone, clearField, toBinary, type DescFile, type DescMessage, type DescService } from "@bufbuild/protobuf";
import { FieldDescriptorProtoSchema, FileDescriptorProtoSchema, type DescriptorProto } from "@bufbuild/protobuf/wkt";

/** The files behind some services, found by name and by the symbols that they define. */
export class DescriptorIndex {
  readonly #filesByName = new Map<string, DescFile>();
  readonly #filesBySymbol = new Map<string, DescFile>();
  readonly #messages = new Set<string>();

  constructor(services: readonly DescService[]) {
    for (const { file } of services) for (const each of withDependencies(file)) this.#addFile(each);
  }

  fileByName(name: string): DescFile | undefined {
    return this.#filesByName.get(name);
  }

  /** @param symbol full name of a message, field, oneof, enum, enum value, service or method. */
  fileBySymbol(symbol: string): DescFile | undefined {
    return this.#filesBySymbol.get(symbol);
  }

  hasMessage(typeName: string): boolean {
    return this.#messages.has(typeName);
  }

  #addFile(file: DescFile): void {
    this.#filesByName.set(file.proto.name, file);
    for (const symbol of symbolsOf(file)) this.#filesBySymbol.set(symbol, file);
    for (const { typeName } of messagesOf(file)) this.#messages.add(typeName);
  }
}

/** The file, then everything that it imports, directly or not, each once. */
export function withDependencies(file: DescFile): DescFile[] {
  const files = new Set([file]);
  for (const each of files) for (const dependency of each.dependencies) files.add(dependency); // a set grows as it is read
  return [...files];
}

/**
 * The serialised descriptor, without `json_name`: the original serves none, and grpcurl prints the fields' own names
 * (`generated_text`) only because of that.
 */
export function serialiseFile(file: DescFile): Uint8Array {
  const proto = clone(FileDescriptorProtoSchema, file.proto);
  proto.messageType.forEach(clearJsonNames);
  return toBinary(FileDescriptorProtoSchema, proto);
}

function clearJsonNames(message: DescriptorProto): void {
  for (const field of message.field) clearField(field, FieldDescriptorProtoSchema.field.jsonName);
  message.nestedType.forEach(clearJsonNames);
}

function* symbolsOf(file: DescFile): Iterable<string> {
  for (const service of file.services) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
  const messages = [...messagesOf(file)];
  for (const message of messages) {
    yield message.typeName;
    for (const field of message.fields) yield `${message.typeName}.${field.name}`;
    for (const oneof of message.oneofs) yield `${message.typeName}.${oneof.name}`;
  }
  for (const enumeration of [file, ...messages].flatMap((scope) =>
    "enums" in scope ? scope.enums : scope.nestedEnums,
  )) {
    yield enumeration.typeName;
    // The values of an enum belong to the scope around it, as in C++.
    const scope = enumeration.typeName.slice(0, enumeration.typeName.lastIndexOf("."));
    for (const value of enumeration.values) yield `${scope}.${value.name}`;
  }
}

function* messagesOf(scope: DescFile | DescMessage): Iterable<DescMessage> {
  for (const message of "messages" in scope ? scope.messages : scope.nestedMessages) {
    yield message;
    yield* messagesOf(message);
  }
}
