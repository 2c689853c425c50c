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

const ALIKE = {three: "Three", pair: "Two"};

/** What symbols pay, named by the award that the spin's table gives them; their names where that is not known. */
export function won(names, payout, award) {
  const alike = award && ALIKE[award.kind];
  return `${alike ? `${alike} ${PLURAL[award.name]}` : sentence(names)} pay ${grouped(payout)} points`;
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

const hourlyLimit = (d, retryAfterS) => {
  const back = new Date(Date.now() + 1000 * (retryAfterS ?? 60)).toISOString();
  return `You used all ${d.limit ?? 100} spins this hour. The next one comes back at ${clockTime(back)}.`
    + " Nothing was taken.";
};
const place = ({region}) =>
  region ? `This is not offered where you are (${region}).` : "The region you are in is unknown.";
const bets = d => (d.allowed ?? [100]).map(grouped).join(" or ");
const AGAIN = "Nothing was taken. Load the page again";

export const AWAY = "RedRoomRewards does not answer. This press did not spin; nothing was taken.";

/** What each code says: a text, or one of its details and of how many seconds to wait. */
const REFUSALS = {
  ROLE_NOT_ALLOWED: "Your account’s role cannot play. Nothing was taken. Playing needs a user’s account.",
  GAME_DISABLED: "The machine is closed for now. Nothing was taken. Your points keep; come back later.",
  SELF_EXCLUDED: d => `Excluded ${d.until ? `until ${day(d.until)}` : "for good"}. Nothing was taken.`
    + " Nobody can end it early. Buying from performers and leaving a line still work.",
  TIMED_OUT: d => `${d.until ? `Break until ${moment(d.until)}` : "You take a break"}.`
    + " Nothing was taken. Nobody can shorten it.",
  AGE_VERIFICATION_REQUIRED: "Your age must be verified first. Nothing was taken. Your account says where that stands.",
  AGE_VERIFICATION_FAILED: d => `You must be ${d.minimumAge} to play here. Nothing was taken.`
    + " Is the date of birth wrong? Write to support.",
  JURISDICTION_BLOCKED: d => `${place(d)} Nothing was taken. Buying from performers still works.`,
  TERMS_NOT_ACCEPTED: "The terms have a new version. Nothing was taken. Read and accept it first.",
  PAYTABLE_CHANGED: `The paytable changed while you were here. ${AGAIN} to see the new odds, then spin.`,
  COMMITMENT_STALE: "You spun somewhere else in the meantime. Nothing was taken."
    + " The new seal is shown below; spin again.",
  INVALID_BET: d => `A spin costs ${bets(d)} points here. ${AGAIN}, then spin.`,
  REALITY_CHECK_DUE: d => `You have played for ${Math.floor(d.elapsedSeconds / 60)} minutes.`
    + ` Net result ${signed(d.netPoints)} points. Keep playing, take a break or stop?`,
  SPIN_TOO_FAST: (d, retryAfterS) => `Ready in ${retryAfterS ?? 1} s. This press did not spin.`,
  RATE_LIMIT_EXCEEDED: hourlyLimit,
  SPEND_LIMIT_REACHED: spendLimit,
  INSUFFICIENT_BALANCE: d => `${grouped(d.available ?? 0)} points available, ${grouped(d.needed ?? 100)} needed.`
    + " Nothing was taken.",
  WALLET_FROZEN: "Your wallet is being checked and cannot pay now. Nothing was taken."
    + " What you win or get back still arrives; support says how long it takes.",
  NOT_FOUND: `This room is not here any more. ${AGAIN}.`,
  UNAUTHENTICATED: "You are signed out. Nothing was taken. Sign in, then press again.",
  CSRF_FAILED: `This page is too old to be used. ${AGAIN}.`,
  LEDGER_UNAVAILABLE: "Payments are paused on our side. Nothing was taken."
    + " Try again in a minute; your points are safe.",
  NOT_LINKED: "Link RedRoomRewards to spin. Nothing was taken.",
  LOYALTY_UNAVAILABLE: "RedRoomRewards does not answer. Points that were taken for a spin come back by themselves."
    + " Try again in a minute.",
  REQUEST_IN_PROGRESS: "Still asking about your last press. It counts once, whatever happens. Look again in a moment.",
  QUEUE_BUSY: "Too many people are doing this at the moment. Nothing was taken. Try again.",
};

export function refusal(error, retryAfterS) {
  const known = REFUSALS[error.code];
  if (typeof known === "function") return known(error.details ?? {}, retryAfterS);
  return known ?? `${error.message} Look into your history whether it spun, then try again.`;
}
