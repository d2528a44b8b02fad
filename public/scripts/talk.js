// While one talks with a model itself, a bar below the head of the page says so and leads back. The
// server tells it to each thread that is opened: with words, or without any to take the bar away.
const BAR = 'thimble-talk-bar'

window.addEventListener('message', (event) => {
  if (event.source !== window || !event.data || !event.data.thimble_talk) return
  const { says, back, url, placeholder } = event.data.thimble_talk
  document.getElementById(BAR)?.remove()
  document.documentElement.classList.toggle('thimble-talking', Boolean(says))
  if (!says) settle()
  if (says && /^\/chat(\/|$)/.test(url)) raise(String(says), String(back), String(url), String(placeholder))
})

function raise(says, back, url, placeholder) {
  const bar = document.createElement('div')
  bar.id = BAR
  bar.setAttribute('role', 'status')
  const words = document.createElement('span')
  words.textContent = says
  const link = document.createElement('a')
  link.textContent = `← ${back}`
  link.href = url
  bar.append(words, link)
  bar.dataset.placeholder = placeholder
  document.body.append(bar)
  settle()
}

// It stands where the head of the page ends, also when the list of conversations is opened.
function settle() {
  const bar = document.getElementById(BAR)
  const head = document.getElementById('header')
  const composer = document.getElementById('chat-input')
  // What stands in the empty field is put back where the bar has gone.
  if (composer && !composer.dataset.usual) composer.dataset.usual = composer.placeholder
  if (composer) composer.placeholder = bar ? bar.dataset.placeholder : composer.dataset.usual
  if (!bar) return
  if (head) {
    const place = head.getBoundingClientRect()
    bar.style.left = `${place.left}px`
    bar.style.width = `${place.width}px`
    bar.style.top = `${place.bottom}px`
  }
  requestAnimationFrame(() => setTimeout(settle, 100))
}
