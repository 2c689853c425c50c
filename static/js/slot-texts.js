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
  const pair = names.find((name, place) => names.indexOf(name) !== place);
  const what = alike ? `Three ${PLURAL[first]}` : pair ? `Two ${PLURAL[pair]}` : sentence(names);
  return `${what} pay ${grouped(payout)} points`;
}

const WINDOWS = {"24h": "daily", "7d": "7-day", "30d": "30-day"};
const day = iso => new Date(iso).toLocaleDateString("en-GB", {day: "numeric", month: "long", year: "numeric"});
const weekday = iso => new Date(iso).toLocaleDateString("en-GB", {weekday: "short", day: "numeric", month: "short"});
const moment = iso => `${weekday(iso)}, ${clockTime(iso)}`;

function spendLimit(d) {
  const isOwn = d.scope === "user", limit = `${WINDOWS[d.window]} limit of ${grouped(d.limit)} points`;
  const frees = d.freesAt ? ` It frees up from ${clockTime(d.freesAt)}.` : "";
  const advice = isOwn ? "You can lower it now; raising takes 24 hours." : "Nothing was taken.";
  return `This spin would pass ${isOwn ? "your" : "the house’s"} ${limit}.${frees} ${advice}`;
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
    case "SELF_EXCLUDED":
      return `Excluded ${d.until ? `until ${day(d.until)}` : "for good"}. Nothing was taken. Nobody can end it early.`
        + " Buying from performers and leaving a line still work.";
    case "TIMED_OUT":
      return `Break until ${moment(d.until)}. Nothing was taken. Nobody can shorten it.`;
    case "AGE_VERIFICATION_REQUIRED":
      return "Your age must be verified first. Nothing was taken.";
    case "AGE_VERIFICATION_FAILED":
      return `You must be ${d.minimumAge} to play here. Nothing was taken. Is the date of birth wrong? Write to support.`;
    case "JURISDICTION_BLOCKED":
      return (d.region ? `This is not offered where you are (${d.region}).` : "The region you are in is unknown.")
        + " Nothing was taken. Buying from performers still works.";
    case "TERMS_NOT_ACCEPTED":
      return "The terms have a new version. Nothing was taken. Read and accept it first.";
    case "REALITY_CHECK_DUE":
      return `You have played for ${Math.floor(d.elapsedSeconds / 60)} minutes. Net result ${signed(d.netPoints)} points.`
        + " Keep playing, take a break or stop?";
    case "SPEND_LIMIT_REACHED":
      return spendLimit(d);
    case "LEDGER_UNAVAILABLE":
      return "Payments are paused on our side. Nothing was taken. Try again in a minute; your points are safe.";
    default:
      return `${error.message} Nothing was taken.`;
  }
}
