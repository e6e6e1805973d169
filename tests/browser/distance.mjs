// A long way to servers on loopback: node distance.mjs OPTIONS
//
// OPTIONS is JSON: `rtt` in milliseconds, and `ports`. For each port there is another that leads there; they are printed as JSON. Bytes take
// half a round trip each way, and a connection one round trip to open, as TCP's handshake does. It stops when its standard input ends.
import { connect, createServer } from "node:net";

const { rtt, ports } = JSON.parse(process.argv[2]);

const ways = ports.map((port) => new Promise((found) => {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    const opened = Date.now() + rtt;
    carry(near, far, () => Math.max(opened - Date.now(), 0) + rtt / 2);
    carry(far, near, () => rtt / 2);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  server.listen(0, "127.0.0.1", () => found(server.address().port));
}));
console.log(JSON.stringify(await Promise.all(ways)));
process.stdin.resume().on("end", () => process.exit(0));

/** Bytes in order, each piece after its delay. */
function carry(from, to, delay) {
  from.on("data", (piece) => setTimeout(() => to.write(piece), delay()));
  from.on("end", () => setTimeout(() => to.end(), delay()));
}
