// Sound is off until the player turns it on; the choice stays on this device.
const KEY = "slots-sound";
let context = null;

export const isOn = () => localStorage.getItem(KEY) === "on";

export function toggle() {
  localStorage.setItem(KEY, isOn() ? "off" : "on");
  return isOn();
}

function note(from, to, at, length, volume) {
  context ??= new AudioContext();
  const start = context.currentTime + at, tone = context.createOscillator(), level = context.createGain();
  tone.frequency.setValueAtTime(from, start);
  tone.frequency.exponentialRampToValueAtTime(to, start + length);
  level.gain.setValueAtTime(volume, start);
  level.gain.exponentialRampToValueAtTime(0.001, start + length);
  tone.connect(level).connect(context.destination);
  tone.start(start);
  tone.stop(start + length);
}

export function thud() {
  if (isOn()) note(90, 55, 0, 0.07, 0.5);
}

export function chime() {                     // only for a payout above the bet
  if (isOn()) [523, 659, 784].forEach((pitch, i) => note(pitch, pitch, i * 0.18, 0.3, 0.2));
}
