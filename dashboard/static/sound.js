/** One short sound per new alarm; browsers allow it only after the first click or key. */

let audio = null;

for (const event of ["pointerdown", "keydown"]) {
  addEventListener(event, () => (audio ??= new AudioContext()), { once: true });
}

export function chime() {
  if (!audio) return;
  [660, 880].forEach((hz, index) => {
    const at = audio.currentTime + index * 0.16;
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.frequency.value = hz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.3);
    tone.connect(gain).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.32);
  });
}
