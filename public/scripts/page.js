// The page around the conversation: theme, language and the link that saves it. What the server
// asks of it comes as messages to the window.
const THEME_KEY = 'vite-ui-theme' // where Chainlit keeps the theme
const OPEN_THREAD = /^\/chat\/thread\/([0-9a-f-]{36})\/?$/

// Until the server says what was chosen, the language is the browser's.
document.documentElement.lang = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'

window.addEventListener('message', (event) => {
  if (event.source !== window || !event.data) return
  if (event.data.thimble_theme) setTheme(String(event.data.thimble_theme))
  if (event.data.thimble_language) document.documentElement.lang = event.data.thimble_language
  if (event.data.thimble_reload) window.location.reload()
})

// What an answer links to is never fetched, not even asked for: an address can carry data out. The
// page's policy forbids it too; here nothing is tried.
const setAttribute = Element.prototype.setAttribute
Element.prototype.setAttribute = function (name, value) {
  const kept = name === 'src' && isElsewhere(String(value)) ? 'data-not-fetched' : name
  setAttribute.call(this, kept, value)
}
for (const kind of [HTMLImageElement, HTMLMediaElement]) {
  const src = Object.getOwnPropertyDescriptor(kind.prototype, 'src')
  const set = function (value) {
    if (isElsewhere(String(value))) this.setAttribute('src', value)
    else src.set.call(this, value)
  }
  Object.defineProperty(kind.prototype, 'src', { ...src, set })
}

function isElsewhere(address) {
  try {
    const url = new URL(address, window.location.href)
    return !['data:', 'blob:'].includes(url.protocol) && url.origin !== window.location.origin
  } catch {
    return true
  }
}

function setTheme(theme) {
  if ((localStorage.getItem(THEME_KEY) || 'system') === theme) return
  localStorage.setItem(THEME_KEY, theme)
  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches
  const variant = theme === 'system' ? (dark ? 'dark' : 'light') : theme
  const root = document.documentElement
  root.classList.remove('light', 'dark')
  root.classList.add(variant)
  for (const [name, value] of Object.entries(window.theme?.[variant] || {})) {
    root.style.setProperty(name, value)
  }
}

// The link at the head of the page is the same on every page: here it learns which thread is open.
document.addEventListener(
  'click',
  (event) => {
    const link = event.target.closest?.('a[href^="/chat/threads/"]')
    if (!link) return
    const open = OPEN_THREAD.exec(window.location.pathname)
    if (open) link.setAttribute('href', `/chat/threads/${open[1]}.md`)
    else event.preventDefault()
  },
  true,
)
