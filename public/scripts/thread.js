// What Chainlit's page does not do by itself. The server talks to it in messages to the window.
const THREAD = /^\/chat\/thread\/[0-9a-f-]{36}$/
const path = () => window.location.pathname.replace(/\/$/, '')

// In a frame of another page a click could be led onto a button; so there is no page in a frame.
if (window.top !== window.self) document.documentElement.replaceChildren()

window.addEventListener('message', (event) => {
  if (event.source !== window || !event.data) return
  if (event.data.thimble_thread) rememberThread(`/chat/thread/${event.data.thimble_thread}`)
  if (event.data.thimble_show) show(String(event.data.thimble_show), 20)
})

// Below /chat Chainlit forgets to write the thread into the address; with it there, a reload comes
// back to the thread.
function rememberThread(address) {
  if (THREAD.test(address) && path() !== address) {
    window.history.replaceState(window.history.state, '', address)
  }
}

// A card that has just come or changed is brought into view, unless the person is writing or
// scrolls; once more after a moment, because cards grow while they are drawn.
let moved = 0
for (const kind of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
  window.addEventListener(kind, () => (moved = Date.now()), { passive: true })
}

const calm = window.matchMedia('(prefers-reduced-motion: reduce)')

function show(place, tries) {
  const composer = document.getElementById('chat-input')
  if (composer && composer.textContent.trim()) return
  if (!document.getElementById(place)) {
    if (tries) setTimeout(show, 100, place, tries - 1)
    return
  }
  const asked = Date.now()
  const scroll = () => {
    const there = document.getElementById(place)
    if (!there || moved > asked) return
    const tall = there.offsetHeight > 0.7 * window.innerHeight
    there.scrollIntoView({ block: tall ? 'start' : 'center', behavior: calm.matches ? 'auto' : 'smooth' })
  }
  for (const later of [0, 600]) setTimeout(scroll, later)
}
