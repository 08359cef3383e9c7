'use strict';
async function look() {
  try {
    const answer = await fetch('/live.json', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    const parts = await answer.json();
    for (const [name, html] of Object.entries(parts)) {
      const place = document.getElementById(name);
      if (shown[name] !== html) {
        shown[name] = html;
        place.innerHTML = html;
      }
    }
    document.body.classList.remove('stale');
  } catch (gone) {
    document.body.classList.add('stale');
    document.getElementById('state').textContent = 'the run no longer answers; what stands here is the last it said';
    shown = {};
  }
  setTimeout(look, 1000);
}
let shown = {};
setTimeout(look, 1000);
