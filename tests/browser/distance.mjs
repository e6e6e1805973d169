// A long way to servers on loopback, on which some of it is lost: node distance.mjs OPTIONS
//
// OPTIONS is JSON: `rtt` in milliseconds, `ports`, and perhaps `loss` (of each segment, 0 to 1) and `seed`. For each port there is another that
// leads there; they are printed as JSON. It stops when its standard input ends.
//
// What is modelled is what TCP makes of the way, not the way. Bytes take half a round trip each way, and a connection one round trip to open. A
// piece goes in segments of 1,460 bytes, each of which is lost, alone, with the same probability, also when it is sent again. What comes behind
// a lost one is there, and waits for it (in order: head-of-line blocking). How long:
// - three or more segments went behind it: fast retransmit, one round trip later (RFC 5681, 3.2; RFC 6675);
// - fewer, a tail that nobody's acknowledgement reports: the retransmission time-out, max(200 ms, round trip + max(100 ms, a quarter of it)),
//   as Linux has it on a way whose length hardly changes (RFC 6298, 2, with Linux's least of 200 ms), doubled each time it is lost again
//   (RFC 6298, 5.5);
// - a lost SYN, or its answer: 1 s, doubled each time (RFC 6298, 2.1).
// Not modelled: congestion control and what loss does to it (answers here are a few segments), tail loss probes (RFC 8985, which make a
// lost tail cheaper), lost acknowledgements (the next one makes up for them).
//
// The generator is seeded, one for each connection in the order in which they are opened: what is lost on the first of them is always the same.
import { connect, createServer } from "node:net";

const { rtt, ports, loss = 0, seed = 1 } = JSON.parse(process.argv[2]);
const SEGMENT = 1460;
const FAST = 3;
const TIMEOUT = Math.max(200, rtt + Math.max(100, rtt / 4));
const OPENING = 1000;
let connections = 0;

const ways = ports.map((port) => new Promise((found) => {
  const server = createServer({ noDelay: true }, (near) => {
    const random = generator(seed * 65_537 + connections++);
    const far = connect({ port, host: "127.0.0.1", noDelay: true });
    // Either of the two that open it may be lost.
    const opened = Date.now() + rtt + late(random, OPENING) + late(random, OPENING);
    carry(near, far, random, () => Math.max(opened - Date.now(), 0));
    carry(far, near, random, () => 0);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  server.listen(0, "127.0.0.1", () => found(server.address().port));
}));
console.log(JSON.stringify(await Promise.all(ways)));
process.stdin.resume().on("end", () => process.exit(0));

/** Bytes in order, each segment when it is there and all before it are. */
function carry(from, to, random, before) {
  const queue = [];
  const pump = () => {
    while (queue.length && queue[0].due <= performance.now()) {
      const { bytes } = queue.shift();
      if (bytes) to.write(bytes);
      else to.end();
    }
    if (queue.length) setTimeout(pump, queue[0].due - performance.now());
  };
  const deliver = (bytes, delay) => {
    if (queue.push({ bytes, due: performance.now() + delay }) === 1) setTimeout(pump, delay);
  };
  from.on("data", (piece) => {
    const [wait, count] = [before() + rtt / 2, Math.ceil(piece.length / SEGMENT)];
    for (let at = 0; at < count; at++) {
      const fast = count - 1 - at >= FAST;
      const bytes = piece.subarray(at * SEGMENT, (at + 1) * SEGMENT);
      deliver(bytes, wait + (fast ? again(random) : late(random, TIMEOUT)));
    }
  });
  from.on("end", () => deliver(null, before() + rtt / 2));
}

/** By how much something is late that is lost until it is not, when a time-out notices. */
function late(random, timeout) {
  let delay = 0;
  for (let wait = timeout; random() < loss; wait *= 2) delay += wait;
  return delay;
}

/** The same where those behind it tell: after a round trip, and by time-out if that is lost too. */
function again(random) {
  return random() < loss ? rtt + late(random, TIMEOUT) : 0;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
