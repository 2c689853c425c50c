// The password of a new account is looked at while it is typed, by the rules of the server's validators. It is sent
// nowhere for that, and the server judges it again. Without this script the rules stand there as text.
const MOST_ALIKE = .7, SAID_AFTER_MS = 700;
const letters = text => [...text.toLowerCase()];

/** How much of two texts is of the same letters, in any order: SequenceMatcher.quick_ratio() of Python's difflib. */
function ratio(one, other) {
  const left = new Map();
  for (const each of other) left.set(each, (left.get(each) ?? 0) + 1);
  let same = 0;
  for (const each of one) {
    const rest = left.get(each) ?? 0;
    if (rest > 0) same += 1;
    left.set(each, rest - 1);
  }
  return one.length + other.length ? 2 * same / (one.length + other.length) : 1;
}

/** Whether a password is too much like a text or a word of it: Django's UserAttributeSimilarityValidator. */
export function isAlike(password, text) {
  const typed = letters(password), lower = text.toLowerCase();
  if (!text) return false;
  return [...lower.split(/[^\p{L}\p{N}_]+/u), lower].map(part => [...part]).some(part => {
    const isFarLonger = typed.length >= 10 * part.length && part.length < MOST_ALIKE / 2 * typed.length;
    return !isFarLonger && ratio(typed, part) >= MOST_ALIKE;
  });
}

/** Which rules a password meets, by name; none does while nothing is typed. */
export function judged(password, {least, texts}) {
  const length = [...password].length;
  return {
    length: length >= least,
    mixed: length > 0 && !/^\p{Nd}+$/u.test(password),
    own: length > 0 && !texts.some(text => isAlike(password, text)),
  };
}

function spoken(found, length, least) {
  if (!length) return "";
  if (!found.length) return `Password: ${length} of ${least} characters`;
  if (!found.own) return "Password: too much like your name or e-mail";
  return found.mixed ? `Password: ${length} characters, good` : "Password: digits alone are refused";
}

function follow(field) {
  const form = field.closest("form"), input = field.querySelector("input"), least = Number(field.dataset.least);
  const said = field.querySelector("[data-said]"), size = field.querySelector("[data-length]");
  let later;
  const paint = () => {
    const texts = [form.elements.username.value, form.elements.email.value.trim()];
    const found = judged(input.value, {least, texts}), length = [...input.value].length;
    for (const [name, isMet] of Object.entries(found)) {
      const rule = field.querySelector(`[data-rule=${name}]`), words = rule.querySelector("[data-broken]");
      const isBroken = found.length && !isMet && words !== null;  // not before it could be sent
      rule.classList.toggle("is-met", isMet);
      rule.classList.toggle("is-broken", isBroken);
      if (words) words.textContent = isBroken ? words.dataset.broken : words.dataset.met;
    }
    size.textContent = length ? `: ${length} typed` : "";
    clearTimeout(later);
    later = setTimeout(() => { said.textContent = spoken(found, length, least); }, SAID_AFTER_MS);
  };
  for (const each of [input, form.elements.username, form.elements.email]) each.addEventListener("input", paint);
  paint();
}

export function start() {
  document.querySelectorAll("[data-least]").forEach(follow);
}
