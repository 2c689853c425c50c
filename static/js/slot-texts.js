// Texts of the slot machine: results and refusals. What happened, then the money, then the next step.
import {clockTime} from "./times.js";

const PLURAL = {
  cherry: "cherries",
  lemon: "lemons",
  orange: "oranges",
  plum: "plums",
  bell: "bells",
  star: "stars",
  seven: "sevens",
  diamond: "diamonds",
};

const MINUS = "\u2212";
export const grouped = n => n.toLocaleString("en").replace("-", MINUS);
export const signed = n => (n > 0 ? `+${grouped(n)}` : grouped(n));

const sentence = names => { const s = names.join(", "); return s[0].toUpperCase() + s.slice(1); };

export function reels(names) {
  return `Reels: ${names.join(", ")}`;
}

export function lost(names) {
  return `${sentence(names)}. No win.`;
}

export function won(names, payout) {
  const [first] = names, alike = names.every(name => name === first);
  const pair = names.filter(name => name === "cherry").length === 2;
  const what = alike ? `Three ${PLURAL[first]}` : pair ? "Two cherries" : sentence(names);
  return `${what} pay ${grouped(payout)} points`;
}

export function refusal(error, retryAfterS) {
  const d = error.details ?? {};
  switch (error.code) {
    case "RATE_LIMIT_EXCEEDED": {
      const back = new Date(Date.now() + 1000 * (retryAfterS ?? 60)).toISOString();
      const fact = `You used all ${d.limit ?? 100} spins this hour.`;
      return `${fact} The next one comes back at ${clockTime(back)}. Nothing was taken.`;
    }
    case "SPIN_TOO_FAST":
      return `Ready in ${retryAfterS ?? 1} s. This press did not spin.`;
    case "INSUFFICIENT_BALANCE":
      return `${grouped(d.available ?? 0)} points available, ${grouped(d.needed ?? 100)} needed. Nothing was taken.`;
    case "PAYTABLE_CHANGED":
      return "The paytable changed while you were here. Nothing was taken."
        + " Load the page to see the new odds, then spin.";
    case "COMMITMENT_STALE":
      return "You spun somewhere else in the meantime. Nothing was taken. The new seal is shown below; spin again.";
    case "GAME_DISABLED":
      return "The machine is closed for now. Nothing was taken.";
    case "LEDGER_UNAVAILABLE":
      return "Payments are paused on our side. Nothing was taken. Try again in a minute; your points are safe.";
    default:
      return `${error.message} Nothing was taken.`;
  }
}
