import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A connection in between that can be cut like a cable. */
export async function startRelay(target: number): Promise<{ port: number; cut: () => void }> {
  const sockets: Socket[] = [];
  const relay = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) sockets.push(socket.on("error", () => undefined));
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  const cut = (): void => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (relay.address() as AddressInfo).port, cut };
}
