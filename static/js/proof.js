// Re-computes a spin in the browser from what the answer revealed (paytables and draw as published in the paytable's
// notes).
const bytes = hex => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16));
const hex = buffer => Array.from(new Uint8Array(buffer), b => b.toString(16).padStart(2, "0")).join("");
const text = string => new TextEncoder().encode(string);

function bigEndian(value, length) {
  const out = new Uint8Array(length);
  for (let i = length - 1, rest = BigInt(value); i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 255n);
  return out;
}

function joined(...parts) {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map(key => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

async function ticket(weight, proof, nonce) {
  const tickets = BigInt(weight) ** 3n, limit = 2n ** 64n / tickets * tickets;
  const key = await crypto.subtle.importKey("raw", bytes(proof.seed), {name: "HMAC", hash: "SHA-256"}, false, ["sign"]);
  const client = text(proof.clientSeed);
  const head = joined(
    text("slots/v1"),
    new Uint8Array(1),
    bytes(proof.paytableDigest),
    bigEndian(nonce, 8),
    bigEndian(client.length, 2),
    client,
    bytes(proof.clientNonce),
  );
  for (let block = 0; ; block++) {
    const view = new DataView(await crypto.subtle.sign("HMAC", key, joined(head, bigEndian(block, 4))));
    for (let word = 0; word < 4; word++) {
      const x = view.getBigUint64(8 * word);
      if (x < limit) return x % tickets;
    }
  }
}

function symbols(table, weight, drawn) {
  const w = BigInt(weight), stops = [drawn / (w * w), drawn / w % w, drawn % w];
  return stops.map(stop => {
    let upTo = 0n;
    return table.symbols.find(entry => (upTo += BigInt(entry.w)) > stop).s;
  });
}

/** The award that a table gives three symbols, the highest kind only: its kind, its symbol if it is of one, its pay. */
export function award(table, drawn) {
  const [name] = drawn;
  if (drawn.every(each => each === name)) {
    return {kind: "three", name, pay: table.symbols.find(entry => entry.s === name).x3};
  }
  if (table.mixed && drawn.every(each => table.mixed.of.includes(each))) return {kind: "mixed", pay: table.mixed.pay};
  const pair = Object.keys(table.pair ?? {}).find(of => drawn.filter(each => each === of).length === 2);
  return pair === undefined ? {kind: "none", pay: 0} : {kind: "pair", name: pair, pay: table.pair[pair]};
}

/** True when the seed fits the commitment published before the spin. */
async function sealed(answer, commitment) {
  return hex(await crypto.subtle.digest("SHA-256", bytes(answer.fairness.seed))) === commitment;
}

/** True when the seed draws, by this table, the symbols and the payout of the answer; says nothing of the commitment. */
export async function draws(table, answer) {
  const proof = answer.fairness, weight = table.symbols.reduce((n, entry) => n + entry.w, 0);
  const digest = hex(await crypto.subtle.digest("SHA-256", text(canonical(table))));
  if (digest !== proof.paytableDigest) return false;
  const drawn = symbols(table, weight, await ticket(weight, proof, answer.nonce));
  return drawn.join() === answer.result.symbols.join() && award(table, drawn).pay === answer.result.payout;
}

/** True when the seed fits the commitment shown before the spin and gives the symbols and the payout of the answer. */
export async function holds(table, answer, commitmentShown) {
  return await sealed(answer, commitmentShown) && await draws(table, answer);
}
